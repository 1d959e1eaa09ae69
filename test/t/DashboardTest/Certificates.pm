package DashboardTest::Certificates;

# An authority of the tests' own, and certificates of it.

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use PostgreSQL::Test::Utils;

sub new
{
    my ($class, $dir) = @_;
    my $self = bless { dir => $dir }, $class;
    openssl('req', '-x509', '-days', 2, '-subj', '/CN=authority of a test', new_key("$dir/ca"));
    return $self;
}

sub ca_file { return "$_[0]{dir}/ca.pem" }

# For a name such as "DNS:example.com" or "IP:127.0.0.1". Returns the files of certificate and key.
sub certificate
{
    my ($self, $file, $name) = @_;
    my $path = "$self->{dir}/$file";
    openssl('req', '-subj', '/', '-addext', "subjectAltName=critical,$name",
        '-x509', '-days', 2, '-CA', $self->ca_file, '-CAkey', "$self->{dir}/ca.key",
        '-addext', 'basicConstraints=critical,CA:false', new_key($path));
    return ("$path.pem", "$path.key");
}

sub new_key
{
    my ($path) = @_;
    return ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc',
        '-keyout', "$path.key", '-out', "$path.pem");
}

sub openssl
{
    my (@arguments) = @_;
    my $output = '';
    IPC::Run::run([ 'openssl', @arguments ], '<' => \undef, '>&' => \$output)
      or die "openssl @arguments: $output";
    return;
}

1;
