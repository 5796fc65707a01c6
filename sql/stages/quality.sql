-- Keeps prose: drops texts that are too short, lists, repetition, mark-up and noise.
--
-- Rules and thresholds after Gopher (Rae et al. 2021, appendix A1.1), C4 (Raffel et al. 2020, section
-- 2.2) and FineWeb (Penedo et al. 2024, section 3.5), over the signals of `signals(text)`. Rules that
-- hold for English alone (stop words) are left to a stage of your own: copy this file and change it.
--
-- @param min_words = 50  Gopher
-- @param max_words = 100000  Gopher
-- @param min_mean_word_length = 3.0  Gopher
-- @param max_mean_word_length = 10.0  Gopher
-- @param max_symbol_word_ratio = 0.1  Gopher: # and ellipsis for each word
-- @param max_bullet_lines = 0.9  Gopher
-- @param max_ellipsis_lines = 0.3  Gopher
-- @param min_alphabetic_words = 0.5  share of words and marks of punctuation that have a letter; Gopher asks for 0.8 of the words
-- @param max_duplicate_lines = 0.3  Gopher
-- @param max_duplicate_line_chars = 0.2  Gopher
-- @param max_duplicate_paragraphs = 0.3  Gopher
-- @param max_top_2gram = 0.20  Gopher
-- @param max_duplicated_5grams = 0.15  Gopher
-- @param max_duplicated_10grams = 0.10  Gopher
-- @param max_short_lines = 0.67  FineWeb: lines of at most 30 characters
-- @param min_terminal_lines = 0.12  FineWeb: lines that end a sentence
-- @param max_replacement_characters = 0.001  share of U+FFFD, that is, of bytes that could not be decoded
SELECT *,
       CASE
         WHEN signals.words < $min_words THEN 'too_few_words'
         WHEN signals.words > $max_words THEN 'too_many_words'
         WHEN signals.mean_word_length < $min_mean_word_length THEN 'words_too_short'
         WHEN signals.mean_word_length > $max_mean_word_length THEN 'words_too_long'
         WHEN signals.symbol_word_ratio > $max_symbol_word_ratio THEN 'too_many_symbols'
         WHEN signals.bullet_line_fraction > $max_bullet_lines THEN 'bullet_list'
         WHEN signals.ellipsis_line_fraction > $max_ellipsis_lines THEN 'cut_lines'
         WHEN signals.alphabetic_word_fraction < $min_alphabetic_words THEN 'too_few_letters'
         WHEN signals.duplicate_line_fraction > $max_duplicate_lines THEN 'repeated_lines'
         WHEN signals.duplicate_line_char_fraction > $max_duplicate_line_chars THEN 'repeated_lines'
         WHEN signals.duplicate_paragraph_fraction > $max_duplicate_paragraphs THEN 'repeated_paragraphs'
         WHEN signals.top_2gram_char_fraction > $max_top_2gram THEN 'repeated_phrases'
         WHEN signals.duplicated_5gram_char_fraction > $max_duplicated_5grams THEN 'repeated_phrases'
         WHEN signals.duplicated_10gram_char_fraction > $max_duplicated_10grams THEN 'repeated_phrases'
         WHEN signals.short_line_fraction > $max_short_lines THEN 'short_lines'
         WHEN signals.terminal_punctuation_line_fraction < $min_terminal_lines THEN 'no_sentences'
         WHEN signals.lorem_ipsum > 0 THEN 'lorem_ipsum'
         WHEN signals.replacement_characters > $max_replacement_characters * signals.characters THEN 'broken_encoding'
       END AS drop_reason
FROM (SELECT *, signals(text) AS signals FROM docs)
