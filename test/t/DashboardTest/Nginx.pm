package DashboardTest::Nginx;

# nginx as a subscriber has it: it speaks https, and passes requests on to the test's receiver.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use DashboardTest;

# Debian's path is not on every user's PATH.
sub program { return (grep { -x } map { "$_/nginx" } split(/:/, $ENV{PATH}), '/usr/sbin')[0] }

sub start
{
    my ($class, $test, $certificates) = @_;
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    my ($certificate, $key) = $certificates->certificate('nginx', 'IP:127.0.0.1');
    my $dir = File::Spec->rel2abs($test->dir);
    append_to_file("$dir/nginx.conf", <<~"CONF");
        daemon off;
        pid $dir/nginx.pid;
        worker_processes 2;
        error_log stderr warn;
        events { worker_connections 256; }
        http {
            access_log off;
            client_body_temp_path $dir/nginx_body;
            proxy_temp_path $dir/nginx_proxy;
            fastcgi_temp_path $dir/nginx_fastcgi;
            uwsgi_temp_path $dir/nginx_uwsgi;
            scgi_temp_path $dir/nginx_scgi;
            upstream receiver { server 127.0.0.1:$test->{port}; keepalive 16; }
            server {
                listen 127.0.0.1:$port ssl;
                ssl_certificate $dir/nginx.pem;
                ssl_certificate_key $dir/nginx.key;
                location / {
                    proxy_pass http://receiver;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    # It would send a request again whose answer did not come.
                    proxy_next_upstream off;
                }
            }
        }
        CONF
    my $process = $test->start('nginx', program(), '-e', 'stderr', '-c', "$dir/nginx.conf");
    wait_for(sub { -s "$dir/nginx.pid" || !$process->is_running }, 'nginx');
    die $process->log_text if !$process->is_running;
    return bless { process => $process, port => $port }, $class;
}

sub url { return "https://127.0.0.1:$_[0]{port}$_[1]" }

sub stop { return $_[0]{process}->stop }

1;
