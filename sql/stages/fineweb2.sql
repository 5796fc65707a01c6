-- The filters of FineWeb-2 (Penedo et al. 2025), with the thresholds of one language.
--
-- FineWeb-2 calibrated the thresholds language by language; its file configs/<language>_<Script>.yml has
-- them under the names below, the lists of sequences as top_n_grams and dup_n_grams. The order is its
-- pipeline's: repetition, FineWeb's rules, Gopher's rules. The rules of paragraphs, of short lines and
-- of the characters of repeated lines by Gopher were not applied. The defaults are datatrove's for
-- English. Words of languages other than English are only close to those that FineWeb-2 counted.
--
-- @param segmenter = "unicode"  "unicode" counts the words of any language, "spacy-en" those of English as datatrove
-- @param dup_line_frac = 0.3  share of repeated lines
-- @param top_2_gram = 0.20  share of the characters in the most frequent sequence of two words
-- @param top_3_gram = 0.18  of three
-- @param top_4_gram = 0.16  of four
-- @param dup_5_gram = 0.15  share of the characters in repeated sequences of five words
-- @param dup_6_gram = 0.14  of six
-- @param dup_7_gram = 0.13  of seven
-- @param dup_8_gram = 0.12  of eight
-- @param dup_9_gram = 0.11  of nine
-- @param dup_10_gram = 0.10  of ten
-- @param line_punct_thr = 0.12  least share of lines that end a sentence
-- @param char_duplicates_ratio = 0.1  largest share of characters in repeated lines
-- @param new_line_ratio = 0.3  most line feeds for each word
-- @param min_avg_word_length = 3.0  characters
-- @param max_avg_word_length = 10.0  characters
-- @param max_non_alpha_words_ratio = 0.8  as datatrove names it: the least share of words with a letter
-- @param stopwords = ["the", "be", "to", "of", "and", "that", "have", "with"]  of the language
-- @param min_stop_words = 2  different ones
SELECT * EXCLUDE (measured),
       CASE
         WHEN measured.characters = 0 THEN 'empty'
         WHEN $dup_line_frac > 0 AND measured.duplicate_line_fraction > $dup_line_frac THEN 'dup_line_frac'
         WHEN measured.top_2gram_char_fraction > $top_2_gram THEN 'top_2_gram'
         WHEN measured.top_3gram_char_fraction > $top_3_gram THEN 'top_3_gram'
         WHEN measured.top_4gram_char_fraction > $top_4_gram THEN 'top_4_gram'
         WHEN measured.duplicated_5gram_char_fraction > $dup_5_gram THEN 'duplicated_5_n_grams'
         WHEN measured.duplicated_6gram_char_fraction > $dup_6_gram THEN 'duplicated_6_n_grams'
         WHEN measured.duplicated_7gram_char_fraction > $dup_7_gram THEN 'duplicated_7_n_grams'
         WHEN measured.duplicated_8gram_char_fraction > $dup_8_gram THEN 'duplicated_8_n_grams'
         WHEN measured.duplicated_9gram_char_fraction > $dup_9_gram THEN 'duplicated_9_n_grams'
         WHEN measured.duplicated_10gram_char_fraction > $dup_10_gram THEN 'duplicated_10_n_grams'
         WHEN measured.lines = 0 THEN 'empty'
         WHEN measured.terminal_punctuation_line_fraction < $line_punct_thr THEN 'line_punct_ratio'
         WHEN measured.duplicate_visible_line_char_fraction > $char_duplicates_ratio THEN 'char_dup_ratio'
         WHEN measured.new_line_word_ratio > $new_line_ratio THEN 'list_ratio'
         WHEN measured.words < 50 THEN 'gopher_short_doc'
         WHEN measured.words > 100000 THEN 'gopher_long_doc'
         WHEN measured.mean_word_length < $min_avg_word_length THEN 'gopher_below_avg_threshold'
         WHEN measured.mean_word_length > $max_avg_word_length THEN 'gopher_above_avg_threshold'
         WHEN measured.hash_word_ratio > 0.1 THEN 'gopher_too_many_hashes'
         WHEN measured.ellipsis_word_ratio > 0.1 THEN 'gopher_too_many_ellipsis'
         WHEN measured.bullet_line_fraction > 0.9 THEN 'gopher_too_many_bullets'
         WHEN measured.ellipsis_line_fraction > 0.3 THEN 'gopher_too_many_end_ellipsis'
         WHEN measured.alphabetic_word_fraction < $max_non_alpha_words_ratio THEN 'gopher_below_alpha_threshold'
         WHEN stop_words(text, $stopwords, $segmenter) < $min_stop_words THEN 'gopher_enough_stop_words'
       END AS drop_reason
FROM (SELECT *, signals(text, $segmenter) AS measured FROM docs)
