#!/bin/bash
# covers: servers and their clients in one sandbox: redis, memcached, nginx with TLS and as a proxy, Python's http.server
# needs: redis-server redis-cli redis-benchmark memcached nginx curl openssl python3
up() { for i in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done; echo "$1 does not come up"; }
# Ports of this run's own: other servers may be about.
port=$((20000 + $$ % 10000))
redis-server --port $port --save "" >/dev/null & server=$!
up redis-cli -p $port ping
redis-cli -p $port set a 1; redis-cli -p $port incr a
redis-benchmark -p $port -t set,get,lpush -n 2000 -c 20 -P 4 -q | tr '\r' '\n' | grep -c "requests per second"
redis-cli -p $port dbsize
redis-cli -p $port shutdown nosave; wait $server; echo "redis: $?"

memcached -u nobody -l 127.0.0.1 -p $((port + 1)) & server=$!
up bash -c "exec 3<>/dev/tcp/127.0.0.1/$((port + 1))"
printf 'set k 0 0 5\r\nhello\r\nget k\r\nquit\r\n' | timeout 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$((port + 1)); cat >&3; cat <&3" | tr -d '\r'
kill $server; wait $server; echo "memcached: $?"

mkdir html; echo hello > html/index.html; seq 50000 > html/big
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost 2>/dev/null
cat > n.conf <<N
worker_processes 2; daemon off; pid $PWD/pid; error_log err.log; user root;
events { worker_connections 64; }
http { access_log off; sendfile on; tcp_nopush on; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
	server { listen 127.0.0.1:$((port + 2)); root $PWD/html; location /up/ { proxy_pass http://127.0.0.1:$((port + 4))/; } }
	server { listen 127.0.0.1:$((port + 3)) ssl http2; ssl_certificate $PWD/c.pem; ssl_certificate_key $PWD/k.pem; root $PWD/html; } }
N
nginx -p "$PWD/" -c "$PWD/n.conf" 2>/dev/null & server=$!
(cd html && exec python3 -m http.server $((port + 4)) --bind 127.0.0.1 >/dev/null 2>&1) & python=$!
up curl -sf http://127.0.0.1:$((port + 4))/index.html
up curl -sf http://127.0.0.1:$((port + 2))/index.html
curl -s http://127.0.0.1:$((port + 2))/index.html
for u in http://127.0.0.1:$((port + 2))/big http://127.0.0.1:$((port + 2))/up/big https://127.0.0.1:$((port + 3))/big; do curl -sk $u | cmp - html/big && echo same; done
curl -s -r 10-19 http://127.0.0.1:$((port + 2))/big | od -An -c
kill -QUIT $server; kill $python; wait $server; echo "nginx: $?"
