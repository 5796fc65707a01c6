-- Masks personal data, or drops documents that hold too much of it.
--
-- E-mail addresses, public IP addresses, phone numbers, card numbers (Luhn) and IBANs (mod 97) become
-- <EMAIL>, <IP>, <PHONE>, <CARD> and <IBAN>.
--
-- @param action = "mask"  "mask" replaces each item, "keep" leaves the text as it is
-- @param max_per_1000_characters = 20.0  documents with more items than this are dropped
SELECT * EXCLUDE (text, pii_items),
       CASE WHEN $action = 'mask' THEN pii_mask(text) ELSE text END AS text,
       CASE
         WHEN pii_items * 1000.0 > $max_per_1000_characters * greatest(character_length(text), 1000) THEN 'pii_dense'
       END AS drop_reason
FROM (SELECT *, coalesce(array_length(pii_spans(text)), 0) AS pii_items FROM docs)
