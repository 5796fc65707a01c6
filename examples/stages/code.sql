-- Keeps source files written by people: neither stubs nor generated tables.
--
-- @param min_words = 20  a file with fewer words is a stub
-- @param max_words = 50000  a file with more words is generated
SELECT *,
       CASE
         WHEN signals.words < $min_words THEN 'stub'
         WHEN signals.words > $max_words THEN 'generated'
         WHEN signals.digit_fraction > 0.3 THEN 'table_of_numbers'
         WHEN signals.duplicate_line_fraction > 0.6 THEN 'repeated_lines'
       END AS drop_reason
FROM (SELECT *, signals(text) AS signals FROM docs)
