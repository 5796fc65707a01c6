-- How often a document is to be seen in training, by how often the crawl had it: rehydration as in FineWeb-2
-- (Penedo et al. 2025, section on deduplication). A duplicate is kept once, and how often it stood in the crawl
-- still tells something of its worth.
--
-- Comes after `exact` or `minhash`, which count the documents that a survivor stands for in `cluster_size`. Weight
-- i is for sizes from 2^(i-1) to below 2^i: 1, 2 to 3, 4 to 7, 8 to 15, …; the last is for all larger ones.
-- FineWeb-2 fits its weights for each language: 10 for the sizes of which later filters drop the smallest
-- share, 1 for those of which they drop as much as of all documents or more, and between the two in proportion.
-- The shares are in your run:
--   SELECT floor(log2(c.represents)) AS class, avg(CASE WHEN d.doc_id IS NULL THEN 1 ELSE 0 END) AS dropped
--   FROM clusters c LEFT JOIN docs d ON d.doc_id = c.doc_id WHERE c.survivor GROUP BY 1 ORDER BY 1
--
-- @param weights = [1.0, 2.0, 3.0, 3.0, 2.0, 1.0]  weight by class of cluster_size; 0 drops the class
SELECT *, CASE WHEN rehydration_weight = 0 THEN 'weightless' END AS drop_reason
FROM (
  SELECT *,
         array_element(
           $weights,
           least(
             1 + CAST(floor(log2(CAST(cluster_size AS DOUBLE))) AS BIGINT),
             CAST(array_length($weights) AS BIGINT)
           )
         ) AS rehydration_weight
  FROM docs
)
