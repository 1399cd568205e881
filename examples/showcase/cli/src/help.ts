export const HELP = `subtitles: ask the subtitle service, and see what comes of it

  subtitles submit VIDEO --language en [--to es]    find a subtitle, and translate it; prints the job's id
  subtitles submit --file F.srt --language en --to es    translate one that you have
  subtitles watch ID          a bar on a terminal, a line of JSON for each change elsewhere
  subtitles list              the newest jobs
  subtitles retry ID          try a failed job again, from where it stopped
  subtitles cancel ID
  subtitles delete ID         forget a job that has ended, and remove its files
  subtitles download ID       save the finished subtitle

  --title TEXT      submit: the film's title (default: the file's name)
  --source NAME     submit: ask this provider first (repeatable)
  --watch           submit, retry: watch the job
  --timeout TIME    give up after 90s, 10m, 1h; the job goes on
  --status STATUS, --language, --to, --search WORDS, --limit N    list: only these
  --from-start      retry: look for the subtitle again
  --format srt|vtt, --output FILE (- for standard output)    download
  --yes             delete: do not ask first
  --api URL         where the service is (default: SUBTITLES_API, or http://127.0.0.1:3000)

The token, where the service has one, comes from API_TOKEN.

Exit codes: 0 done; 1 the job failed (the reason is on standard error); 2 wrong usage; 3 the time is over;
4 refused, such as no such job; 5 the service cannot be reached; 130 interrupted. With 3 and 130 the job goes on.
`;
