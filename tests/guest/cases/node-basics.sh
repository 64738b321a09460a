#!/bin/sh
# needs: node
# timeout: 120
cat > t.js <<'EOF'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const fs = require('fs'), cp = require('child_process'), zlib = require('zlib'), crypto = require('crypto'), path = require('path');
if (!isMainThread) { parentPort.postMessage(workerData * 2); } else {
  fs.writeFileSync('a.txt', 'hello'); console.log(fs.readFileSync('a.txt', 'utf8'), fs.statSync('a.txt').size);
  console.log(cp.execSync('echo sub').toString().trim(), zlib.gunzipSync(zlib.gzipSync('zip')).toString(), crypto.createHash('sha1').update('x').digest('hex'));
  let n = 0, done = []; for (let i = 0; i < 3; i++) { const w = new Worker(__filename, { workerData: i }); w.on('message', m => done.push(m)); w.on('exit', () => { if (++n == 3) { console.log(done.sort()); setTimeout(() => { console.log('timer'); cp.exec('exit 3', e => console.log(e.code)); }, 20); } }); }
  fs.promises.readdir('.').then(l => console.log(l.sort())); process.nextTick(() => console.log('tick'));
}
EOF
node t.js; node -e 'console.log([1,2,3].map(x=>x*x), process.argv.length)'
