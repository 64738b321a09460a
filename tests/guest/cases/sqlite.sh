#!/bin/sh
# needs: sqlite3
sqlite3 x.db <<EOF
pragma journal_mode=wal;
create table t(a integer primary key, b text);
with recursive c(x) as (select 1 union all select x+1 from c where x<5000) insert into t select x, 'row '||x from c;
select count(*), sum(a), max(b) from t;
begin; delete from t where a%2=0; rollback;
select count(*) from t;
create index i on t(b);
select a from t where b='row 777';
pragma integrity_check;
EOF
sqlite3 -cmd '.timeout 5000' x.db 'select count(*) from t' & sqlite3 -cmd '.timeout 5000' x.db 'select count(*) from t'; wait
