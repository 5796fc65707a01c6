-- Keeps documents in the wanted languages.
--
-- `language(text)` judges a bounded sample of the text; documents without letters have no language.
--
-- @param keep = ["*"]  ISO 639 codes to keep, as ["en", "fr"]; "*" keeps every language
-- @param min_confidence = 0.5  how sure the judgement must be, from 0 to 1
-- @param model = ""  a fastText model such as lid.176.ftz or GlotLID's; "" is the one that comes with gristmill
SELECT *,
       CASE
         WHEN language.code IS NULL THEN 'language_unknown'
         WHEN language.confidence < $min_confidence THEN 'language_unsure'
         WHEN NOT (array_has($keep, '*') OR array_has($keep, language.code)) THEN 'language_unwanted'
       END AS drop_reason
FROM (SELECT *, language(text, $model) AS language FROM docs)
