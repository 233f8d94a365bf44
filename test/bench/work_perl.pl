# work_perl.pl THOUSANDS: hashes of arrays of strings, made by splitting,
# matching and joining lines.
use strict;
use warnings;

my $lines = $ARGV[0] * 1000;
my (%by_word, $total);
for my $i (1 .. $lines) {
	my $line = join ' ', map { "word" . ($i * $_ % 4099) } 1 .. 8;
	for my $word (split / /, $line) {
		push @{ $by_word{$word} }, "$i:" . uc $word;
		$by_word{$word} = [] if @{ $by_word{$word} } > 40;
	}
}
$total += length join ',', @$_ for values %by_word;
print "$total\n";
