-- C4's cleaning (Raffel et al. 2020, section 2.2) as datatrove applies it: takes lines out of the text and
-- drops documents of which too little is left.
--
-- Reasons and order are those of datatrove's `C4QualityFilter`. FineWeb sets filter_no_terminal_punct to
-- false. A dropped document keeps its text as it was.
--
-- @param filter_no_terminal_punct = true  drop lines that do not end with . ? ! " or '
-- @param min_num_sentences = 5  sentences that a document needs, 0 for none
-- @param min_words_per_line = 3  words that a line needs, 0 for none
-- @param max_word_length = 1000  characters of the longest word of a line
SELECT * EXCLUDE (text, cleaned),
       cleaned.text AS text,
       cleaned.drop_reason AS drop_reason
FROM (SELECT *,
             c4_clean(text, $filter_no_terminal_punct, $min_num_sentences, $min_words_per_line, $max_word_length) AS cleaned
      FROM docs)
