-- Keeps documents that read like good prose, by one score that was learned from people's judgements.
--
-- `quality_score(text)` is a logistic regression on named signals; the score goes on as the column
-- `quality_score`. Choose the bound by looking: `gristmill stats SOURCE --measure quality_score`.
--
-- @param min_score = 0.3  from 0 (debris) to 1 (prose)
SELECT *, CASE WHEN quality_score < $min_score THEN 'low_quality' END AS drop_reason
FROM (SELECT *, quality_score(text) AS quality_score FROM docs)
