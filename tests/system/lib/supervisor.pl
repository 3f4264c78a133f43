#!/usr/bin/perl
# A small systemd: holds two listening sockets, hands them to one `hudhud serve` after another, and
# tells what they notify. perl-base is all it needs.
#
#   supervisor.pl PROGRAM ARGS...
#
# says on stdout     ports API OPS | started PID | notify STATE | ended PID STATUS
# takes on stdin     restart | hup; at the end of stdin it stops the server and ends
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(dup2);
use Socket qw(pack_sockaddr_un SOCK_DGRAM);

$| = 1;
$^F = 100; # what is opened here is there after exec
$SIG{PIPE} = 'IGNORE';

my @listeners = map {
    IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 4096) or die "listen: $!"
} 1 .. 2;
my $name = "hudhud-test-$$";
my $notify = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "\0$name") or die "notify: $!";
my $pid;

sub start {
    $pid = fork // die "fork: $!";
    if (!$pid) {
        # First out of the way of 3 and 4, then into their places.
        my @high = map { dup2(fileno($listeners[$_]), 50 + $_) // die "dup2: $!" } 0 .. 1;
        dup2($high[$_], 3 + $_) // die "dup2: $!" for 0 .. 1;
        POSIX::close($high[$_]) for 0 .. 1;
        @ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES NOTIFY_SOCKET WATCHDOG_USEC)} =
            ($$, 2, 'api:ops', "\@$name", 3000000);
        exec @ARGV or die "exec: $!";
    }
    print "started $pid\n";
}

sub stop {
    kill 'TERM', $pid;
    waitpid $pid, 0;
    print "ended $pid $?\n";
}

print 'ports ', join(' ', map { $_->sockport } @listeners), "\n";
start();
my $select = IO::Select->new(\*STDIN, $notify);
READ: while (1) {
    for my $ready ($select->can_read) {
        if ($ready == $notify) {
            $notify->recv(my $state, 4096);
            $state =~ tr/\n/ /;
            print "notify $state\n";
            next;
        }
        last READ unless sysread STDIN, my $command, 100;
        if ($command =~ /^restart/) { stop(); start() }
        kill 'HUP', $pid if $command =~ /^hup/;
    }
}
stop();
