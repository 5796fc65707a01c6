-- Drops or tags documents that are pornographic or abusive.
--
-- `unsafe_score(text)` weighs words, who is spoken of and how, so that a text that quotes, condemns or
-- explains bad words stays, and one bad word in a long text does not drop it. The scores go on as the
-- column `safety`.
--
-- @param action = "drop"  "tag" keeps every document, with its scores
-- @param max_nsfw = 0.5  from 0 (harmless) to 1
-- @param max_toxicity = 0.6  from 0 (harmless) to 1
-- @param max_profanity = 0.8  from 0 (none) to 1
SELECT *,
       CASE
         WHEN $action = 'tag' THEN NULL
         WHEN safety.nsfw > $max_nsfw THEN 'nsfw'
         WHEN safety.toxicity > $max_toxicity THEN 'toxic'
         WHEN safety.profanity > $max_profanity THEN 'profane'
       END AS drop_reason
FROM (SELECT *, unsafe_score(text) AS safety FROM docs)
