-- Drops documents without three long lines, as C4 did with pages in languages other than English.
--
-- The reason is that of datatrove's `C4ParagraphFilter`: three lines at least, the third longest of 200
-- characters.
SELECT *, c4_paragraph_reason(text) AS drop_reason FROM docs
