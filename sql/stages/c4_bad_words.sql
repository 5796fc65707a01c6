-- Drops documents with a bad word, as C4 does (Raffel et al. 2020, section 2.2).
--
-- The reason and the comparison are those of datatrove's `C4BadWordsFilter` with keep_fraction = 0. One word
-- drops a document, which takes harmless pages with it: the stage `safety` weighs words instead.
--
-- @param words = "badwords.txt"  a file of words and phrases, one a line, such as LDNOOBW's `en`
-- @param language = "en"  their language; in ja, th and zh words may stand inside others
SELECT *,
       CASE WHEN c4_bad_words(text, $words, $language) THEN 'document_removed_with_badwords' END AS drop_reason
FROM docs
