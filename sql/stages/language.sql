-- Keeps documents in the wanted languages.
--
-- `language(text)` judges a bounded sample of the text; documents without letters have no language.
--
-- @param keep = ["*"]  ISO 639 codes to keep, as ["en", "fr"]; "*" keeps every language
-- @param min_confidence = 0.5  how sure the judgement must be, from 0 to 1
SELECT *,
       CASE
         WHEN language.code IS NULL THEN 'language_unknown'
         WHEN language.confidence < $min_confidence THEN 'language_unsure'
         WHEN NOT (array_has($keep, '*') OR array_has($keep, language.code)) THEN 'language_unwanted'
       END AS drop_reason
FROM (SELECT *, language(text) AS language FROM docs)
