package DashboardTest::Page;

# A page of documentation whose examples are run.
#
# Each chapter ("## ...") is one psql session in a database of its own: its ```sql fences are run in
# order. It starts with the extension, unless it creates that itself.
#
# A fence without a language behind a ```sql fence is what psql prints for it: without command tags
# and row counts, trailing blanks not counted. Where there is none, nothing may go wrong. A ```json
# fence there is the jsonb that the one query gives. Comments before a fence say more:
#   <!-- not checked: reason -->   it is left out, with its output
#   <!-- first: statements -->     what has to be there for it
#   <!-- is: query -->             of a ```json fence: the jsonb that it shows

use strict;
use warnings FATAL => 'all';

use IPC::Run;

my $mark = '--- DashboardTest::Page:';
my $databases = 0;

# Reads a page.
sub new
{
    my ($class, $text) = @_;
    my $self = bless { lines => [ split /\n/, $text ], number => 0, examples => [] }, $class;
    my ($chapter, $sql, %comments) = ('');
    while (defined(my $line = $self->next_line))
    {
        next if $line =~ /^\s*$/;
        if ($line =~ /^```(\S*)/)
        {
            my $fence =
              { language => $1, line => $self->{number}, chapter => $chapter, %comments };
            $fence->{text} = $self->rest_of_fence;
            %comments = ();
            $self->add_fence($fence, $sql);
            $sql = $fence->{language} eq 'sql' ? $fence : undef;
            next;
        }
        $sql = undef;
        if ($line =~ /^<!-- (not checked|first|is):(.*)/)
        {
            $comments{$1} = $self->rest_of_comment($2);
            next;
        }
        die "line $self->{number}: the comment before it is about no fence" if %comments;
        $chapter = $1 if $line =~ /^## (.*?)\s*$/;
    }
    return $self;
}

sub next_line
{
    my ($self) = @_;
    ++$self->{number};
    return shift @{ $self->{lines} };
}

sub rest_of_fence
{
    my ($self) = @_;
    my ($start, $text) = ($self->{number}, '');
    while (1)
    {
        my $line = $self->next_line // die "the fence of line $start has no end";
        return $text if $line =~ /^```\s*$/;
        $text .= "$line\n";
    }
}

sub rest_of_comment
{
    my ($self, $text) = @_;
    my $start = $self->{number};
    while ($text !~ s/\s*-->.*//s)
    {
        $text .= "\n" . ($self->next_line // die "the comment of line $start has no end");
    }
    return $text =~ s/^\s+//r;
}

# $sql is the ```sql fence directly before it, if there is one.
sub add_fence
{
    my ($self, $fence, $sql) = @_;
    if ($fence->{language} eq '')
    {
        $sql->{expected} = tidy($fence->{text}) if $sql;
        return;
    }
    if ($fence->{language} eq 'json' && $sql)
    {
        $fence->{is} //= $sql->{text} =~ s/;\s*\z//r;
        $fence->{'not checked'} //= $sql->{'not checked'};
    }
    push @{ $self->{examples} }, $fence
      if $fence->{language} eq 'sql' || $fence->{language} eq 'json' && defined $fence->{is};
    return;
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
