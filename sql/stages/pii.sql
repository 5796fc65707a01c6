-- Masks personal data, replaces it by pseudonyms, or drops documents that hold too much of it.
--
-- E-mail addresses, public IP addresses, MAC addresses, phone numbers, card numbers (Luhn), IBANs (mod 97),
-- social security and other national numbers (check digits), crypto addresses (checksums), URLs with
-- credentials, API keys and private keys become <EMAIL>, <IP>, <MAC>, <PHONE> and so on.
--
-- @param action = "mask"  "mask" writes <EMAIL>; "replace" writes a made-up address, always the same for the same one; "keep" leaves the text as it is
-- @param kinds = ""  those that are meant, as "email,phone,ip,mac,card,iban,ssn,national_id,crypto,url_credentials,api_key,private_key,url,private_ip"; "" is all of these but the last two
-- @param key = "gristmill"  what "replace" makes pseudonyms from: whoever has it can check guesses, and it stands in the run's recipe
-- @param max_per_1000_characters = 20.0  documents with more items than this are dropped
SELECT * EXCLUDE (text, pii_items),
       CASE $action
         WHEN 'mask' THEN pii_mask(text, $kinds)
         WHEN 'replace' THEN pii_replace(text, $key, $kinds)
         ELSE text
       END AS text,
       CASE
         WHEN pii_items * 1000.0 > $max_per_1000_characters * greatest(character_length(text), 1000) THEN 'pii_dense'
       END AS drop_reason
FROM (SELECT *, coalesce(array_length(pii_spans(text, $kinds)), 0) AS pii_items FROM docs)
