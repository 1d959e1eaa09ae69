package DashboardTest::Page;

# A page of documentation whose examples are run.
#
# Each chapter ("## ...") is one psql session in a database of its own: its ```sql fences are run in
# order. It starts with the extension, unless it creates that itself.
#
# A fence without a language behind a ```sql fence is what psql prints for it: without command tags
# and row counts, trailing blanks not counted. Where there is none, nothing may go wrong. Comments
# before a fence say more:
#   <!-- not checked: reason -->   it is left out, with its output
#   <!-- first: statements -->     what has to be there for it
#   <!-- is: query -->             of a ```json fence: the jsonb that it shows

use strict;
use warnings FATAL => 'all';

use IPC::Run;

my $mark = '--- DashboardTest::Page:';
my $databases = 0;

# The examples of a page. Each has its chapter, the line of its fence, and statements; an expected
# output if the page tells one; and if it is left out the reason.
sub new
{
    my ($class, $text) = @_;
    my ($chapter, %comments, $fence, $sql) = ('');
    my @examples;
    my $number = 0;
    my @lines = split /\n/, $text;
    while (@lines)
    {
        my $line = shift @lines;
        ++$number;
        if ($line =~ /^```(\S*)/)
        {
            my $example =
              { line => $number, chapter => $chapter, language => $1, text => '', %comments };
            %comments = ();
            while (1)
            {
                die "the fence of line $example->{line} has no end" if !@lines;
                ++$number;
                last if ($line = shift @lines) =~ /^```\s*$/;
                $example->{text} .= "$line\n";
            }
            if ($example->{language} eq '' && $sql)
            {
                $sql->{expected} = tidy($example->{text});
                $sql = undef;
                next;
            }
            $sql = $example->{language} eq 'sql' ? $example : undef;
            push @examples, $example
              if $sql || $example->{language} eq 'json' && defined $example->{is};
            next;
        }
        if ($line =~ /^<!-- (not checked|first|is):(?:\s|$)/)
        {
            my $start = $number;
            while ($line !~ /-->/)
            {
                die "the comment of line $start has no end" if !@lines;
                ++$number;
                $line .= "\n" . shift @lines;
            }
            $line =~ /^<!-- (.*?):\s+(.*?)\s*-->/s or die "line $start: no comment";
            $comments{$1} = $2;
            $sql = undef;
            next;
        }
        next if $line =~ /^\s*$/;
        die "line $number: the comment before it is about no fence" if %comments;
        $sql = undef;
        $chapter = $1 if $line =~ /^## (.*?)\s*$/;
    }
    return bless { examples => \@examples }, $class;
}

# Runs all chapters on a server of PostgreSQL::Test::Cluster. Returns the examples that were run;
# those that did not do what the page says have a problem.
sub check
{
    my ($self, $node) = @_;
    my (@chapters, %examples);
    for my $example (grep { !defined $_->{'not checked'} } @{ $self->{examples} })
    {
        my $chapter = $example->{chapter};
        push @chapters, $chapter if !$examples{$chapter};
        push @{ $examples{$chapter} }, $example;
    }
    run_chapter($node, @{ $examples{$_} }) for @chapters;
    return map { @{ $examples{$_} } } @chapters;
}

sub run_chapter
{
    my ($node, @examples) = @_;
    my $database = 'page' . ++$databases;
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql($database, 'CREATE EXTENSION dashboard_diff')
      if !grep { $_->{text} =~ /CREATE EXTENSION dashboard_diff/ } @examples;

    my $output = run_psql($node->connstr($database), join '',
        "\\pset footer off\n", map { script_of($_, $examples[$_]) } 0 .. $#examples);
    judge($_, $examples[$_], $output) for 0 .. $#examples;
    return;
}

# An error that the page does not show ends the session, and so do those in what comes first.
sub script_of
{
    my ($i, $example) = @_;
    my $text = $example->{text};
    if (defined $example->{is})
    {
        $example->{expected} = 'as written';
        $text = <<"SQL";
\\pset tuples_only on
\\pset format unaligned
SELECT coalesce(CASE WHEN is_now = \$page\$$text\$page\$::jsonb THEN 'as written' END,
                'is ' || jsonb_pretty(is_now), 'is null')
  FROM (SELECT ($example->{is})) AS query (is_now);
\\pset format aligned
\\pset tuples_only off
SQL
    }
    my $first = $example->{first} // '';
    $text = "\\set ON_ERROR_STOP off\n$text" if defined $example->{expected};
    return "\\set ON_ERROR_STOP on\n$first\n\\echo $mark $i begins\n$text\\echo $mark $i ends\n";
}

# What psql prints, errors where they happen.
sub run_psql
{
    my ($dsn, $script) = @_;
    my $output = '';
    IPC::Run::run(
        [ 'psql', '-X', '-q', '-d', $dsn ],
        '<' => \$script,
        '>&' => \$output,
        IPC::Run::timeout(DashboardTest::give_up_after()));
    return $output;
}

sub judge
{
    my ($i, $example, $output) = @_;
    if ($output !~ /^\Q$mark\E $i begins\n(.*)/ms)
    {
        $example->{problem} = "was not reached; psql's last words:\n" . last_lines($output);
        return;
    }
    my $rest = $1;
    my $ended = $rest =~ s/^\Q$mark\E $i ends\n.*//ms;
    my $got = tidy($rest);
    my $expected = $example->{expected};
    if (!$ended)
    {
        $example->{problem} = "went wrong:\n$got";
    }
    elsif ($example->{language} eq 'sql' && $example->{text} !~ /;\s*\z|^\\[^\n]*\n\z/m)
    {
        $example->{problem} = 'ends within a statement';
    }
    elsif (defined $expected && $got ne $expected)
    {
        $example->{problem} = "printed:\n$got\nthe page says:\n$expected";
    }
    return;
}

sub last_lines
{
    my ($output) = @_;
    my @lines = grep { !/^\Q$mark\E/ } split /\n/, $output;
    @lines = @lines[ -10 .. -1 ] if @lines > 10;
    return join "\n", @lines;
}

sub tidy
{
    my ($text) = @_;
    $text =~ s/[ \t]+$//mg;
    $text =~ s/\s+\z//;
    return $text;
}

1;
