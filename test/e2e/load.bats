# Load over TLS against nginx: certificates are verified, and pipelining is
# HTTP/2's.

load programs

setup() {
	cd "$BATS_TEST_TMPDIR"
	[ -x /usr/sbin/nginx ] || skip 'no nginx'
	port=$(free_port)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -keyout key.pem -out cert.pem -days 2 \
		-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
		2>/dev/null
}

teardown() {
	end_processes
}

# soak_nginx STEP [HTTP2]: one run of an http step with the given keys against a
# server with a certificate, `http2` or not. Leaves result.json.
soak_nginx() {
	local status=0
	rm -rf out
	cat >nginx.conf <<-CONF
		$([ "$(id -u)" != 0 ] || echo 'user root;')
		daemon off;
		worker_processes 1;
		pid $PWD/nginx.pid;
		error_log $PWD/error.log;
		events { worker_connections 64; }
		http {
			access_log $PWD/access.log;
			client_body_temp_path $PWD/body;
			proxy_temp_path $PWD/proxy;
			fastcgi_temp_path $PWD/fastcgi;
			uwsgi_temp_path $PWD/uwsgi;
			scgi_temp_path $PWD/scgi;
			server {
				listen 127.0.0.1:$port ssl ${2:-};
				ssl_certificate $PWD/cert.pem;
				ssl_certificate_key $PWD/key.pem;
				location / { return 200 hello; }
			}
		}
	CONF
	rm -f access.log
	"$LEAKSHIM_BIN" soak --out "$PWD/out" --iterations 1 --settle 0 \
		--ready tcp:127.0.0.1:$port --step "{\"kind\": \"http\",
		\"url\": \"https://127.0.0.1:$port/\", \"requests\": 200,
		\"concurrency\": 2, $1}" \
		-- /usr/sbin/nginx -p "$PWD" -c "$PWD/nginx.conf" \
		>said 2>&1 3>&- || status=$?
	cat said
	echo "ended with $status"
	# 4: one iteration is not enough evidence for a verdict.
	[ $status = "${3:-4}" ]
}

@test "a certificate that nobody signed is an error, unless it is trusted" {
	soak_nginx '"max-errors": "0%"' '' 5
	grep -E '([0-9]+) of \1 requests failed.*certificate' said
	soak_nginx "\"ca-file\": \"$PWD/cert.pem\", \"max-errors\": \"0%\""
	[ "$(grep -c 'HTTP/1.1" 200' access.log)" = 200 ]
}

@test "pipelining has several requests on a connection of HTTP/2" {
	soak_nginx "\"ca-file\": \"$PWD/cert.pem\", \"pipelining\": 8" http2
	[ "$(grep -c 'HTTP/2.0" 200' access.log)" = 200 ]
	$PYTHON -Ic 'import json
(run,) = json.load(open("out/result.json"))["runs"]
print(run["steps"])
(step,) = run["steps"]
assert step["total"]["connections"] <= 2
assert step["total"]["statuses"]["2xx"] == 200'
}

@test "pipelining to a server without HTTP/2 is a failed step" {
	soak_nginx "\"ca-file\": \"$PWD/cert.pem\", \"pipelining\": 8" '' 5
	grep 'answered, but not by HTTP/2' said
}
