// A headless Chromium that is told what to do over a pipe (the DevTools protocol), so that a picture is taken when the
// page says that it is drawn. With `--screenshot` it is taken when some time is up, be the page drawn or not.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const PATIENCE = 60_000;

// It keeps its profile in this directory.
export async function chromium(profile) {
  const child = spawn(
    process.env.CHROMIUM ?? 'chromium',
    [
      '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--no-first-run',
      `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const [, , , commands, answers] = child.stdio;
  const waiting = new Map();
  const gone = once(child, 'exit').then(() => {
    for (const { reject } of waiting.values()) reject(new Error('Chromium ended'));
  });
  let last = 0;
  let rest = '';
  answers.setEncoding('utf8').on('data', (text) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop();
    for (const message of messages.map((one) => JSON.parse(one))) {
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) asked?.reject(new Error(message.error.message));
      else asked?.resolve(message.result);
    }
  });
  const ask = (method, params, sessionId) => new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, { resolve, reject });
    commands.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
  });

  return {
    // The picture (PNG) of a page that sets `document.documentElement.dataset.drawn` when it is ready, or `.failed` to the reason.
    async picture(url, width, height) {
      const { targetId } = await ask('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });
      const page = (method, params) => ask(method, params, sessionId);
      await page('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
      await page('Page.navigate', { url });
      const state = async () => {
        const { result } = await page('Runtime.evaluate', { expression: 'JSON.stringify(document.documentElement?.dataset ?? {})' });
        return JSON.parse(result.value);
      };
      const until = Date.now() + PATIENCE;
      for (let now = await state(); !now.drawn; now = await state()) {
        if (now.failed) throw new Error(now.failed);
        if (Date.now() > until) throw new Error(`${url} is not drawn`);
        await new Promise((next) => setTimeout(next, 100));
      }
      const { data } = await page('Page.captureScreenshot', { format: 'png' });
      await ask('Target.closeTarget', { targetId });
      return Buffer.from(data, 'base64');
    },
    async close() {
      await ask('Browser.close').catch(() => {});
      await gone;
    },
  };
}
