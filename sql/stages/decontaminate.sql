-- Drops documents that hold a question of an evaluation set, word for word or lightly edited.
--
-- What was found stands in the column `contamination`: file, question, the share of the question's words
-- that the document has, and where. Ask for it in SQL:
--   SELECT id, columns FROM dropped WHERE reason = 'contaminated'
--
-- @param references = ""  JSONL files or folders of them with the questions, parted by commas; paths start from the recipe's folder
-- @param min_overlap = 0.0  documents that hold less of a question's words, by weight, are kept all the same
SELECT *,
       CASE
         WHEN contamination['overlap'] >= $min_overlap THEN 'contaminated'
       END AS drop_reason
FROM (SELECT *, contamination(text, $references) AS contamination FROM docs)
