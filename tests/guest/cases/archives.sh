#!/bin/sh
# needs: tar gzip xz
mkdir d; seq 1 5000 > d/s; cp /bin/ls d/bin; ln -s s d/l
tar cf a.tar d; tar tf a.tar | sort; gzip -k a.tar; xz -k -1 a.tar
mkdir x y; tar xzf a.tar.gz -C x; tar xJf a.tar.xz -C y; diff -r x y && echo same; cmp d/bin x/d/bin && echo bin
gzip -dc a.tar.gz | md5sum > m1; md5sum < a.tar > m2; cmp m1 m2 && echo ok
tar cf - d | (cd x && tar xf -); readlink x/d/l
