-- The filters of FineWeb-2 (Penedo et al. 2025), with the thresholds of one language.
--
-- FineWeb-2 calibrated the thresholds language by language: give its folder configs/ as `thresholds`, with a
-- file <language>_<Script>.yml for each language, or one TOML, JSON or YAML file with a table for each.
-- What it does not say of a document's language is taken from the parameters, whose defaults are
-- datatrove's for English. The order is the pipeline's: repetition, FineWeb's rules, Gopher's rules. The
-- rules of paragraphs, of short lines and of the characters of repeated lines by Gopher were not applied.
-- Words of languages other than English are only close to those that FineWeb-2 counted.
--
-- @param thresholds = ""  FineWeb-2's folder of configurations, or a file of tables; "" for none
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
SELECT * EXCLUDE (measured, language_key, bound),
       CASE
         WHEN measured.characters = 0 THEN 'empty'
         WHEN bound.dup_line_frac > 0 AND measured.duplicate_line_fraction > bound.dup_line_frac THEN 'dup_line_frac'
         WHEN measured.top_2gram_char_fraction > bound.top_2_gram THEN 'top_2_gram'
         WHEN measured.top_3gram_char_fraction > bound.top_3_gram THEN 'top_3_gram'
         WHEN measured.top_4gram_char_fraction > bound.top_4_gram THEN 'top_4_gram'
         WHEN measured.duplicated_5gram_char_fraction > bound.dup_5_gram THEN 'duplicated_5_n_grams'
         WHEN measured.duplicated_6gram_char_fraction > bound.dup_6_gram THEN 'duplicated_6_n_grams'
         WHEN measured.duplicated_7gram_char_fraction > bound.dup_7_gram THEN 'duplicated_7_n_grams'
         WHEN measured.duplicated_8gram_char_fraction > bound.dup_8_gram THEN 'duplicated_8_n_grams'
         WHEN measured.duplicated_9gram_char_fraction > bound.dup_9_gram THEN 'duplicated_9_n_grams'
         WHEN measured.duplicated_10gram_char_fraction > bound.dup_10_gram THEN 'duplicated_10_n_grams'
         WHEN measured.lines = 0 THEN 'empty'
         WHEN measured.terminal_punctuation_line_fraction < bound.line_punct_thr THEN 'line_punct_ratio'
         WHEN measured.duplicate_visible_line_char_fraction > $char_duplicates_ratio THEN 'char_dup_ratio'
         WHEN measured.new_line_word_ratio > bound.new_line_ratio THEN 'list_ratio'
         WHEN measured.words < 50 THEN 'gopher_short_doc'
         WHEN measured.words > 100000 THEN 'gopher_long_doc'
         WHEN measured.mean_word_length < bound.min_avg_word_length THEN 'gopher_below_avg_threshold'
         WHEN measured.mean_word_length > bound.max_avg_word_length THEN 'gopher_above_avg_threshold'
         WHEN measured.hash_word_ratio > 0.1 THEN 'gopher_too_many_hashes'
         WHEN measured.ellipsis_word_ratio > 0.1 THEN 'gopher_too_many_ellipsis'
         WHEN measured.bullet_line_fraction > 0.9 THEN 'gopher_too_many_bullets'
         WHEN measured.ellipsis_line_fraction > 0.3 THEN 'gopher_too_many_end_ellipsis'
         WHEN measured.alphabetic_word_fraction < bound.max_non_alpha_words_ratio THEN 'gopher_below_alpha_threshold'
         WHEN distinct_words(text, coalesce(lookup_words(language_key, $thresholds, 'stopwords'), $stopwords), $segmenter) < $min_stop_words THEN 'gopher_enough_stop_words'
       END AS drop_reason
FROM (SELECT *,
             signals(text, $segmenter) AS measured,
             named_struct(
               'dup_line_frac', coalesce(lookup(language_key, $thresholds, 'dup_line_frac'), $dup_line_frac),
               'line_punct_thr', coalesce(lookup(language_key, $thresholds, 'line_punct_thr'), $line_punct_thr),
               'new_line_ratio', coalesce(lookup(language_key, $thresholds, 'new_line_ratio'), $new_line_ratio),
               'min_avg_word_length', coalesce(lookup(language_key, $thresholds, 'min_avg_word_length'), $min_avg_word_length),
               'max_avg_word_length', coalesce(lookup(language_key, $thresholds, 'max_avg_word_length'), $max_avg_word_length),
               'max_non_alpha_words_ratio', coalesce(lookup(language_key, $thresholds, 'max_non_alpha_words_ratio'), $max_non_alpha_words_ratio),
               'top_2_gram', coalesce(lookup(language_key, $thresholds, 'top_n_grams.2'), $top_2_gram),
               'top_3_gram', coalesce(lookup(language_key, $thresholds, 'top_n_grams.3'), $top_3_gram),
               'top_4_gram', coalesce(lookup(language_key, $thresholds, 'top_n_grams.4'), $top_4_gram),
               'dup_5_gram', coalesce(lookup(language_key, $thresholds, 'dup_n_grams.5'), $dup_5_gram),
               'dup_6_gram', coalesce(lookup(language_key, $thresholds, 'dup_n_grams.6'), $dup_6_gram),
               'dup_7_gram', coalesce(lookup(language_key, $thresholds, 'dup_n_grams.7'), $dup_7_gram),
               'dup_8_gram', coalesce(lookup(language_key, $thresholds, 'dup_n_grams.8'), $dup_8_gram),
               'dup_9_gram', coalesce(lookup(language_key, $thresholds, 'dup_n_grams.9'), $dup_9_gram),
               'dup_10_gram', coalesce(lookup(language_key, $thresholds, 'dup_n_grams.10'), $dup_10_gram)
             ) AS bound
      FROM (SELECT * EXCLUDE (language_found),
                   iso639_3(language_found.code) || '_' || language_found.script AS language_key
            FROM (SELECT *, language(text) AS language_found FROM docs)))
