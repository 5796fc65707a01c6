-- Drops documents whose address is in block lists: domains, hosts, URLs, words and parts of words.
--
-- Reasons and their order are those of datatrove's URLFilter: domain, subdomain, url, hard_blacklisted,
-- soft_blacklisted, blacklisted_subword. Documents without a URL are kept.
--
-- @param lists = "blocklists"  a folder of lists such as FineWeb's, or one list; what a file holds is told by its name (domains, urls, banned_words, soft_banned_words, banned_subwords)
-- @param dialect = "canonical"  "canonical" blocks what lies below a listed name too and heeds no case; "datatrove" compares byte by byte as datatrove 0.10 does
SELECT *, url_block_reason(url, $lists, $dialect) AS drop_reason FROM docs
