-- Gopher's rules of repetition (Rae et al. 2021, table A1) as datatrove applies them.
--
-- Reasons, order and comparisons are those of datatrove's `GopherRepetitionFilter`. A bound of 0
-- disables a rule of lines or paragraphs; a bound above 1 disables a rule of sequences.
--
-- @param preset = "datatrove-0.10"  or "fineweb-v1", which counts the empty lines too
-- @param segmenter = "spacy-en"  "spacy-en" counts the words that datatrove counts, "unicode" those of any language
-- @param dup_para_frac = 0.3  share of repeated paragraphs
-- @param dup_para_char_frac = 0.2  share of the characters in them
-- @param dup_line_frac = 0.3  share of repeated lines
-- @param dup_line_char_frac = 0.2  share of the characters in them
-- @param top_2_gram = 0.20  share of the characters in the most frequent sequence of two words
-- @param top_3_gram = 0.18  of three
-- @param top_4_gram = 0.16  of four
-- @param dup_5_gram = 0.15  share of the characters in repeated sequences of five words
-- @param dup_6_gram = 0.14  of six
-- @param dup_7_gram = 0.13  of seven
-- @param dup_8_gram = 0.12  of eight
-- @param dup_9_gram = 0.11  of nine
-- @param dup_10_gram = 0.10  of ten
SELECT * EXCLUDE (measured),
       CASE
         WHEN measured.characters = 0 THEN 'empty'
         WHEN $dup_para_frac > 0 AND measured.duplicate_paragraph_fraction > $dup_para_frac THEN 'dup_para_frac'
         WHEN $dup_para_char_frac > 0 AND measured.duplicate_paragraph_char_fraction > $dup_para_char_frac THEN 'dup_para_char_frac'
         WHEN $preset <> 'fineweb-v1' AND $dup_line_frac > 0 AND measured.duplicate_line_fraction > $dup_line_frac THEN 'dup_line_frac'
         WHEN $preset = 'fineweb-v1' AND $dup_line_frac > 0 AND measured.duplicate_line_fraction_fineweb_v1 > $dup_line_frac THEN 'dup_line_frac'
         WHEN $preset <> 'fineweb-v1' AND $dup_line_char_frac > 0 AND measured.duplicate_line_char_fraction > $dup_line_char_frac THEN 'dup_line_char_frac'
         WHEN $preset = 'fineweb-v1' AND $dup_line_char_frac > 0 AND measured.duplicate_line_char_fraction_fineweb_v1 > $dup_line_char_frac THEN 'dup_line_char_frac'
         WHEN measured.top_2gram_char_fraction > $top_2_gram THEN 'top_2_gram'
         WHEN measured.top_3gram_char_fraction > $top_3_gram THEN 'top_3_gram'
         WHEN measured.top_4gram_char_fraction > $top_4_gram THEN 'top_4_gram'
         WHEN measured.duplicated_5gram_char_fraction > $dup_5_gram THEN 'duplicated_5_n_grams'
         WHEN measured.duplicated_6gram_char_fraction > $dup_6_gram THEN 'duplicated_6_n_grams'
         WHEN measured.duplicated_7gram_char_fraction > $dup_7_gram THEN 'duplicated_7_n_grams'
         WHEN measured.duplicated_8gram_char_fraction > $dup_8_gram THEN 'duplicated_8_n_grams'
         WHEN measured.duplicated_9gram_char_fraction > $dup_9_gram THEN 'duplicated_9_n_grams'
         WHEN measured.duplicated_10gram_char_fraction > $dup_10_gram THEN 'duplicated_10_n_grams'
       END AS drop_reason
FROM (SELECT *, signals(text, $segmenter) AS measured FROM docs)
