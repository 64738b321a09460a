/* SPDX-License-Identifier: MIT */
/* Atoms, global and of the process: names without case, counts, integers, limits. */
#include "t.h"

int main(void)
{
	char name[300], text[300];
	ATOM a, b;

	t_start();
	a = GlobalAddAtomA("Bailey Atom");
	NUM(a >= 0xc000);
	b = GlobalAddAtomA("BAILEY ATOM");
	NUM(a == b);
	NUM(GlobalFindAtomA("bailey atom") == a);
	NUM(GlobalGetAtomNameA(a, name, sizeof name));
	puts(name);
	NUM(GlobalDeleteAtom(a));
	NUM(GlobalFindAtomA("bailey atom") == a);
	NUM(GlobalDeleteAtom(a));
	NUM(GlobalFindAtomA("bailey atom"));
	NUM(GetLastError());
	SetLastError(0);
	GlobalDeleteAtom(a);
	NUM(GetLastError());
	NUM(GlobalAddAtomA((char *)0x1234));
	NUM(GlobalGetAtomNameA(0x1234, name, sizeof name));
	puts(name);
	NUM(GlobalAddAtomA("#55"));
	memset(text, 'n', sizeof text);
	text[255] = 0;
	a = GlobalAddAtomA(text);
	NUM(a != 0);
	GlobalDeleteAtom(a);
	text[255] = 'n';
	text[256] = 0;
	NUM(GlobalAddAtomA(text));
	a = AddAtomA("of the process");
	NUM(a >= 0xc000);
	NUM(FindAtomA("Of The Process") == a);
	NUM(GlobalFindAtomA("of the process"));
	NUM(GetAtomNameA(a, name, sizeof name));
	puts(name);
	NUM(DeleteAtom(a));
	int good = 0;
	for (int i = 0; i < 500; i++) {
		sprintf(name, "bailey atom %d", i);
		a = GlobalAddAtomA(name);
		good += GlobalGetAtomNameA(a, text, sizeof text) && !strcmp(name, text);
	}
	NUM(good);
	for (int i = 0; i < 500; i++) {
		sprintf(name, "bailey atom %d", i);
		good -= GlobalDeleteAtom(GlobalFindAtomA(name)) == 0;
	}
	NUM(good);
	return 0;
}
