-- A table in memory: inserted, indexed, joined, grouped, changed. ROWS is
-- replaced by the number of rows.
.bail on
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, kind INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ROWS)
	INSERT INTO item SELECT i, 'item ' || (i * 7919 % 104729),
		i * 0.37, i % 97 FROM n;
CREATE INDEX by_name ON item (name);
CREATE TABLE sale AS SELECT id AS item, price * 2 AS amount,
	'note ' || id AS note FROM item WHERE id % 3 = 0;
SELECT count(*), sum(amount) FROM sale JOIN item ON item.id = sale.item
	WHERE name LIKE 'item 1%';
SELECT kind, count(*), group_concat(substr(name, 6), '') <> ''
	FROM item GROUP BY kind ORDER BY 2 DESC LIMIT 3;
UPDATE item SET name = upper(name) || printf('%08d', id) WHERE id % 2 = 0;
DELETE FROM item WHERE id % 5 = 0;
SELECT count(DISTINCT name), max(length(name)) FROM item;
