#!/bin/sh
# needs: node
# timeout: 120
# covers: many worker threads, shared memory and Atomics, child processes, streams
cat > w.js <<'END'
const { Worker, isMainThread, workerData, parentPort } = require('worker_threads');
const { execFile, spawn, fork } = require('child_process');
if (process.argv[2] === 'child') { process.on('message', m => { process.send(m * 3); process.disconnect(); }); return; }
if (!isMainThread) {
  const a = new Int32Array(workerData.sab);
  for (let i = 0; i < 1000; i++) Atomics.add(a, 0, 1);
  Atomics.notify(a, 0); parentPort.postMessage(workerData.n); return;
}
(async () => {
  const sab = new SharedArrayBuffer(8), a = new Int32Array(sab);
  const got = await Promise.all([...Array(8).keys()].map(n => new Promise((ok, bad) => {
    const w = new Worker(__filename, { workerData: { sab, n } }); let m; w.on('message', x => m = x); w.on('error', bad); w.on('exit', c => ok(m + c)); })));
  console.log(got.join(), a[0]);
  for (let i = 0; i < 4; i++) { const w = new Worker('setInterval(() => {}, 1)', { eval: true }); await new Promise(r => w.on('online', r)); console.log(await w.terminate()); }
  const outs = await Promise.all([...Array(10).keys()].map(i => new Promise(r => execFile('/bin/sh', ['-c', `echo ${i}; exit ${i}`], (e, o) => r(o.trim() + ':' + (e ? e.code : 0))))));
  console.log(outs.join(' '));
  const c = fork(__filename, ['child']); c.send(14); console.log(await new Promise(r => c.on('message', r))); console.log(await new Promise(r => c.on('exit', r)));
  const s = spawn('cat'); let n = 0; s.stdout.on('data', d => n += d.length); s.stdin.end(Buffer.alloc(2000000)); await new Promise(r => s.on('close', r)); console.log(n);
})();
END
node w.js
