-- FineWeb's own rules (Penedo et al. 2024, section 3.5) as datatrove applies them.
--
-- Reasons, order and comparisons are those of datatrove's `FineWebQualityFilter`. FineWeb applied them
-- after the stages gopher_repetition, gopher and c4 (with filter_no_terminal_punct = false).
--
-- @param preset = "datatrove-0.10"  or "fineweb-v1": other marks end a sentence, empty lines count, bounds are inclusive
-- @param segmenter = "spacy-en"  "spacy-en" counts the words that datatrove counts, "unicode" those of any language
-- @param line_punct_thr = 0.12  least share of lines that end a sentence
-- @param line_punct_exclude_zero = false  keep documents without any such line
-- @param short_line_thr = 0.67  largest share of lines of at most 30 characters
-- @param char_duplicates_ratio = 0.01  largest share of characters in repeated lines
-- @param new_line_ratio = 0.3  most line feeds for each word
SELECT * EXCLUDE (measured),
       CASE
         WHEN $preset <> 'fineweb-v1' AND measured.lines = 0 THEN 'empty'
         WHEN $preset <> 'fineweb-v1' AND measured.terminal_punctuation_line_fraction < $line_punct_thr
              AND NOT ($line_punct_exclude_zero AND measured.terminal_punctuation_line_fraction = 0) THEN 'line_punct_ratio'
         WHEN $preset = 'fineweb-v1' AND measured.terminal_punctuation_line_fraction_fineweb_v1 <= $line_punct_thr
              AND NOT ($line_punct_exclude_zero AND measured.terminal_punctuation_line_fraction_fineweb_v1 = 0) THEN 'line_punct_ratio'
         WHEN $preset <> 'fineweb-v1' AND measured.short_line_fraction > $short_line_thr THEN 'short_line_ratio'
         WHEN $preset = 'fineweb-v1' AND measured.short_line_fraction_fineweb_v1 >= $short_line_thr THEN 'short_line_ratio'
         WHEN $preset <> 'fineweb-v1' AND measured.duplicate_visible_line_char_fraction > $char_duplicates_ratio THEN 'char_dup_ratio'
         WHEN $preset = 'fineweb-v1' AND measured.duplicate_visible_line_char_fraction >= $char_duplicates_ratio THEN 'char_dup_ratio'
         WHEN measured.new_line_word_ratio > $new_line_ratio THEN 'list_ratio'
       END AS drop_reason
FROM (SELECT *, signals(text, $segmenter) AS measured FROM docs)
