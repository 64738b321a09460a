#!/bin/sh
# needs: git
# timeout: 120
export HOME=$PWD GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
git config --global user.email a@b; git config --global user.name n; git config --global init.defaultBranch main
git init -q r; cd r; echo 1 > a; git add a; git commit -qm first; echo 2 >> a; git commit -qam second
git log --format='%h %s'; git checkout -q -b br; echo 3 > b; git add b; git commit -qm third; git checkout -q main; git merge -q br; git log --oneline | wc -l
cd ..; git clone -q r c; cd c; git log --format='%h %s'; git status --short; git fsck 2>/dev/null; git gc -q; git diff HEAD~1 --stat
