import { expect, test } from "vitest";
import { srt, startRig } from "./rig.js";

test("a completed job's file is sent with the name that players search", async () => {
  const { get, submit, complete } = await startRig();
  const { id } = await submit({ videoTitle: 'Amélie / "2001"\n..', targetLanguage: "es" });
  await complete(id, { file: srt, language: "es" });
  const reply = await get(`/api/v1/jobs/${id}/file`);
  expect([reply.status, await reply.text()]).toEqual([200, srt]);
  expect(reply.headers.get("content-type")).toBe("application/x-subrip; charset=utf-8");
  const disposition = reply.headers.get("content-disposition") ?? "";
  expect(disposition).toMatch(/^attachment; filename="Am.lie 2001.es.srt"/);
  expect(disposition).toContain("filename*=UTF-8''Am%C3%A9lie%202001.es.srt");
});

test.each(["..", "CON/../..", "x\r\nset-cookie: a=b", 'a"; filename="evil.exe', "a".repeat(300), "🎬 \u202Egpj.exe"])(
  "the title %j becomes a file name, and no other header",
  async (videoTitle) => {
    const { get, submit, complete } = await startRig();
    const { id } = await submit({ videoTitle });
    await complete(id, { file: srt });
    const reply = await get(`/api/v1/jobs/${id}/file`);
    expect(reply.status).toBe(200);
    expect(reply.headers.has("set-cookie")).toBe(false);
    expect(reply.headers.get("content-disposition")).toMatch(
      /^attachment; filename="?[^"/\\]{1,150}\.en\.srt"?(; filename\*=UTF-8''[\w%.'-]+)?$/,
    );
  },
);

test("there is no file before the job is completed, and the response has the job's status", async () => {
  const { get, submit, complete, fail } = await startRig();
  const { id } = await submit();
  const early = await get(`/api/v1/jobs/${id}/file`);
  expect([early.status, await early.json()]).toMatchObject([409, { detail: "The job is still pending." }]);

  await complete(id); // The file was removed from the folder.
  expect((await get(`/api/v1/jobs/${id}/file`)).status).toBe(404);

  const other = await submit({ language: "fr" });
  await fail(other.id);
  const failed = await get(`/api/v1/jobs/${other.id}/file`);
  expect([failed.status, await failed.json()]).toMatchObject([409, { detail: "The job failed: Not found anywhere." }]);
});

test.each(["/api/v1/jobs/no-such-job", "/api/v1/jobs/no-such-job/file", "/api/v1/jobs/no-such-job/cues", "/nothing"])(
  "%s is a 404",
  async (path) => {
    const { get } = await startRig();
    const reply = await get(path);
    expect([reply.status, reply.headers.get("content-type")]).toEqual([
      404,
      expect.stringContaining("application/problem+json"),
    ]);
  },
);

test.each(["..%2f..%2fetc%2fpasswd", "a%00b", "job:*", "x".repeat(150)])("%s is not a job id", async (id) => {
  const { get } = await startRig();
  for (const path of ["", "/file", "/cues"]) expect((await get(`/api/v1/jobs/${id}${path}`)).status).toBe(400);
});
