-- Drops documents by their address: hosts that you name, and addresses that say what they are.
--
-- Documents without a URL are kept. For lists in files, of millions of names, see the stage `url_lists`.
--
-- @param block = [""]  hosts to drop, with everything below them, as ["ads.example"]
-- @param suspicious = true  also drop addresses that look like adult or spam content
SELECT * EXCLUDE (url_host),
       CASE
         WHEN array_has($block, url_host)
           OR array_has($block, regexp_replace(url_host, '^[^.]+\.', ''))
           OR array_has($block, regexp_replace(url_host, '^[^.]+\.[^.]+\.', '')) THEN 'url_blocked'
         WHEN $suspicious THEN url_suspicion(url)
       END AS drop_reason
FROM (SELECT *, url_host(url) AS url_host FROM docs)
