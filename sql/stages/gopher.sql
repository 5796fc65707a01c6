-- Gopher's rules of quality (Rae et al. 2021, appendix A1.1) as datatrove applies them.
--
-- Reasons, order and comparisons are those of datatrove's `GopherQualityFilter`. A bound of 0 disables
-- its rule. The stop words are English.
--
-- @param preset = "datatrove-0.10"  or "fineweb-v1", the code behind the first FineWeb (which split words with NLTK)
-- @param segmenter = "spacy-en"  "spacy-en" counts the words that datatrove counts, "unicode" those of any language
-- @param min_doc_words = 50  words that are not punctuation
-- @param max_doc_words = 100000  words that are not punctuation
-- @param min_avg_word_length = 3.0  characters
-- @param max_avg_word_length = 10.0  characters
-- @param max_symbol_word_ratio = 0.1  of # and of ellipses, each for itself
-- @param max_bullet_lines_ratio = 0.9  lines that start with a bullet
-- @param max_ellipsis_lines_ratio = 0.3  lines that end with an ellipsis
-- @param max_non_alpha_words_ratio = 0.8  as datatrove names it: the least share of words with a letter
-- @param min_stop_words = 2  different ones; in "fineweb-v1" occurrences
SELECT * EXCLUDE (measured),
       CASE
         WHEN $preset <> 'fineweb-v1' AND measured.words < $min_doc_words THEN 'gopher_short_doc'
         WHEN $preset = 'fineweb-v1' AND measured.words_fineweb_v1 < $min_doc_words THEN 'gopher_short_doc'
         WHEN $preset <> 'fineweb-v1' AND $max_doc_words > 0 AND measured.words > $max_doc_words THEN 'gopher_long_doc'
         WHEN $preset = 'fineweb-v1' AND $max_doc_words > 0 AND measured.words_fineweb_v1 > $max_doc_words THEN 'gopher_long_doc'
         WHEN $preset <> 'fineweb-v1' AND measured.mean_word_length < $min_avg_word_length THEN 'gopher_below_avg_threshold'
         WHEN $preset = 'fineweb-v1' AND measured.mean_word_length_fineweb_v1 < $min_avg_word_length THEN 'gopher_below_avg_threshold'
         WHEN $preset <> 'fineweb-v1' AND $max_avg_word_length > 0 AND measured.mean_word_length > $max_avg_word_length THEN 'gopher_above_avg_threshold'
         WHEN $preset = 'fineweb-v1' AND $max_avg_word_length > 0 AND measured.mean_word_length_fineweb_v1 > $max_avg_word_length THEN 'gopher_above_avg_threshold'
         WHEN $max_symbol_word_ratio > 0 AND measured.hash_word_ratio > $max_symbol_word_ratio THEN 'gopher_too_many_hashes'
         WHEN $max_symbol_word_ratio > 0 AND measured.ellipsis_word_ratio > $max_symbol_word_ratio THEN 'gopher_too_many_ellipsis'
         WHEN $max_bullet_lines_ratio > 0 AND measured.bullet_line_fraction > $max_bullet_lines_ratio THEN 'gopher_too_many_bullets'
         WHEN $max_ellipsis_lines_ratio > 0 AND measured.ellipsis_line_fraction > $max_ellipsis_lines_ratio THEN 'gopher_too_many_end_ellipsis'
         WHEN measured.alphabetic_word_fraction < $max_non_alpha_words_ratio THEN 'gopher_below_alpha_threshold'
         WHEN $preset <> 'fineweb-v1' AND measured.stop_words < $min_stop_words THEN 'gopher_enough_stop_words'
         WHEN $preset = 'fineweb-v1' AND measured.stop_word_occurrences < $min_stop_words THEN 'gopher_enough_stop_words'
       END AS drop_reason
FROM (SELECT *, signals(text, $segmenter) AS measured FROM docs)
