/* SPDX-License-Identifier: MIT */
/* Code pages, comparison, case, normal forms, formats: the language files are found and right. */
#include "t.h"

static void bytes(const char *what, const void *data, int n)
{
	printf("%s (%d):", what, n);
	for (int i = 0; i < n; i++)
		printf(" %02x", ((const unsigned char *)data)[i]);
	printf("\n");
}

int main(void)
{
	WCHAR wide[64], out[64];
	char narrow[64];
	int n;
	BOOL used;
	SYSTEMTIME st = { 2001, 2, 0, 3, 4, 5, 6, 0 };

	t_start();
	n = MultiByteToWideChar(CP_UTF8, 0, "a\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80", -1, wide, 64);
	bytes("utf-8 in", wide, n * 2);
	n = WideCharToMultiByte(CP_UTF8, 0, wide, -1, narrow, 64, 0, 0);
	bytes("utf-8 out", narrow, n);
	n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "a\xc3", 2, wide, 64);
	printf("broken: %d, error %lu\n", n, GetLastError());
	n = MultiByteToWideChar(1252, 0, "\x80\x99\xe9", 3, wide, 64);
	bytes("1252", wide, n * 2);
	n = MultiByteToWideChar(437, 0, "\x80\x99\xe9", 3, wide, 64);
	bytes("437", wide, n * 2);
	n = MultiByteToWideChar(932, 0, "\x8a\xbf\x8e\x9a", 4, wide, 64);
	bytes("932", wide, n * 2);
	n = MultiByteToWideChar(1251, 0, "\xc6\xf3\xea", 3, wide, 64);
	bytes("1251", wide, n * 2);
	n = WideCharToMultiByte(1252, 0, L"\u20ac\u0416", 2, narrow, 64, "?", &used);
	bytes("best fit", narrow, n);
	NUM(used);
	NUM(CompareStringW(LOCALE_INVARIANT, NORM_IGNORECASE, L"stra\u00dfe", -1, L"STRASSE", -1));
	NUM(CompareStringW(LOCALE_INVARIANT, 0, L"a", -1, L"B", -1));
	NUM(CompareStringW(LOCALE_INVARIANT, 0, L"a", -1, L"A", -1));
	NUM(CompareStringOrdinal(L"a", -1, L"B", -1, FALSE));
	NUM(CompareStringOrdinal(L"\u00e9", -1, L"\u00c9", -1, TRUE));
	n = LCMapStringW(LOCALE_INVARIANT, LCMAP_UPPERCASE, L"\u00e9\u0436\u03c3a", -1, out, 64);
	bytes("upper", out, n * 2);
	n = GetDateFormatW(0x409, 0, &st, L"yyyy-MM-dd ddd MMMM", out, 64);
	printf("%ls\n", out);
	n = GetTimeFormatW(0x409, 0, &st, L"hh:mm:ss tt", out, 64);
	printf("%ls\n", out);
	n = GetLocaleInfoW(0x409, LOCALE_SENGLANGUAGE, out, 64);
	printf("%ls\n", out);
	n = GetLocaleInfoEx(L"de-DE", LOCALE_SDECIMAL, out, 64);
	printf("%ls\n", out);
	NUM(GetStringTypeW(CT_CTYPE1, L"a1 ", 3, (WORD *)narrow));
	bytes("types", narrow, 6);
	n = FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, 0, 2, 0x409, narrow, 64, 0);
	printf("message %d\n", n > 5);
	n = NormalizeString(1, L"e\u0301", -1, out, 64);
	bytes("composed", out, n * 2);
	n = NormalizeString(2, L"\u00e9", -1, out, 64);
	bytes("decomposed", out, n * 2);
	return 0;
}
/* libs: -lnormaliz */
