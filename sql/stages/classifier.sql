-- Keeps documents to which a fastText classifier gives a label, such as public models of quality,
-- education or toxicity.
--
-- The probability goes on as the column `classified`.
--
-- @param model = "model.ftz"  the fastText model, .bin or .ftz
-- @param label = "__label__hq"  the label that is wanted
-- @param min_probability = 0.5  documents below are dropped
SELECT *,
       CASE
         WHEN classified.probability IS NULL THEN 'unclassified'
         WHEN classified.probability < $min_probability THEN 'classified_low'
       END AS drop_reason
FROM (SELECT *, classify(text, $model, $label) AS classified FROM docs)
