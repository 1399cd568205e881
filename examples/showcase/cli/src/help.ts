export const HELP = `subtitles: commands for the subtitle service

  subtitles submit VIDEO --language en [--to es]    find a subtitle, and translate it; prints the job's id
  subtitles submit --file F.srt --language en --to es    translate your own subtitle
  subtitles watch ID          show the progress: a bar on a terminal, otherwise lines of JSON
  subtitles list              the newest jobs
  subtitles retry ID          try a failed job again, after its last completed stage
  subtitles cancel ID
  subtitles delete ID         delete a job that has ended, and its files
  subtitles download ID       save the finished subtitle

  --title TEXT      submit: the film's title (default: the file's name)
  --source NAME     submit: search this provider first (repeatable)
  --watch           submit, retry: watch the job
  --timeout TIME    stop watching after 90s, 10m, 1h; the job continues
  --status STATUS, --language, --to, --search WORDS, --limit N    list: only jobs with these values
  --from-start      retry: search the subtitle again
  --format srt|vtt, --output FILE (- for standard output)    download
  --yes             delete: do not ask for confirmation
  --api URL         address of the service (default: SUBTITLES_API, or http://127.0.0.1:3000)

If the service needs a token, set API_TOKEN.

Exit codes: 0 done; 1 the job failed (the reason is on standard error); 2 wrong usage; 3 the time has ended;
4 rejected, for example no such job; 5 the service is unavailable; 130 interrupted. With 3 and 130, the job continues.
`;
