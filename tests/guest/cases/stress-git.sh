#!/bin/sh
# needs: git
# timeout: 120
# covers: git in loops: many commits, gc with several threads, clones, branches and merges
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE="1700000000 +0000" GIT_COMMITTER_DATE="1700000000 +0000" GIT_CONFIG_NOSYSTEM=1 HOME=$PWD
git -c init.defaultBranch=main init -q r && cd r || exit 1
i=0
while [ $i -lt 12 ]; do
	echo "line $i" >> log; echo $i > file$i
	git add -A && git commit -q -m "commit $i"
	i=$((i + 1))
done
git gc -q --aggressive && git fsck 2>/dev/null; echo "gc $?"
for n in 1 2 3; do git clone -q . ../c$n; git -C ../c$n log --oneline | wc -l; done
git checkout -q -b other HEAD~3; echo x > other; git add other; git commit -q -m other
git checkout -q main; git merge -q -m merge other; git log --format=%s | sort | head -4
git -C ../c1 pull -q --no-rebase && git -C ../c1 rev-list --count HEAD
git -C ../c2 repack -q -a -d && git -C ../c2 status --short | wc -l
git rev-parse HEAD
