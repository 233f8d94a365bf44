# perl_soak.pl churn|leak SECONDS: hashes made and dropped; an array that grows.
use strict;
use warnings;

my ($kind, $seconds) = @ARGV;
my $end = time + $seconds;
my @kept;
my $turn = 0;
while (time < $end) {
	my %hash = map { ("key$_" => "value" x ($_ % 9)) } 1 .. 80;
	my $text = join ',', map { "$_=$hash{$_}" } sort keys %hash;
	push @kept, $text . $turn++ if $kind eq 'leak';
	select undef, undef, undef, 0.03;
}
