#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# tools/blobs.py OUT NAME... : the files' bytes as a C table, struct blob blobs[], that ends with a row without a name.
import os
import sys

with open(sys.argv[1], 'w') as out:
    out.write('#include "nt/dll/blobs.h"\n')
    for i, path in enumerate(sys.argv[2:]):
        data = open(path, 'rb').read()
        out.write(f'static const unsigned char b{i}[] = {{{",".join(map(str, data))}}};\n')
    out.write('const struct blob nt_dll_blobs[] = {\n')
    for i, path in enumerate(sys.argv[2:]):
        out.write(f'\t{{ "{os.path.basename(path)}", b{i}, sizeof b{i} }},\n')
    out.write('\t{ 0, 0, 0 },\n};\n')
