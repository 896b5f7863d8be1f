// Renders the dashboards as they are in grafana/*.json, with data from a running Prometheus.
//
//   sudo make demo                       (in another terminal; wait some minutes)
//   cd docs/screenshots && npm install --ignore-scripts
//   node render.mjs http://localhost:29090 . lab-server 15
//
// DASHBOARDS, THEMES and FORMAT (webp or png) may say what is wanted.
//
// Not run by CI: it fetches half a gigabyte of packages, for looking only.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import sharp from 'sharp';
import { chromium } from './chromium.mjs';

const [server, output, wantedInstance = '.+', minutes = '15'] = process.argv.slice(2);
if (!server || !output) {
  console.error('usage: node render.mjs PROMETHEUS_URL DIRECTORY [INSTANCE [MINUTES]]');
  process.exit(2);
}
const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const dashboards = (process.env.DASHBOARDS ?? 'fleet node probes agent').split(' ');
const themes = (process.env.THEMES ?? 'dark light').split(' ');
const format = process.env.FORMAT ?? 'webp';
const seconds = 60 * Number(minutes);
const end = Math.floor(Date.now() / 1000);
const start = end - seconds;
// Of the demo.
const SCRAPE = 5;
const WIDTH = 1600;

const variables = {
  job: '.+', probe: '.+', target: '.+', label: 'layer', __range: `${seconds}s`, __from: String(start * 1000),
};

const fill = (text, values) =>
  text.replace(/\$\{?(\w+)\}?/g, (all, name) => values[name] ?? all);

async function api(path, parameters) {
  const answer = await fetch(`${server}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.json();
  if (body.status !== 'success') throw new Error(`${path}: ${JSON.stringify(body)}`);
  return body.data.result;
}

// A third of the size: few colours, nothing blurred.
async function smaller(picture) {
  const plain = await sharp(picture).png({ palette: true, colours: 64, dither: 0 }).toBuffer();
  return sharp(plain).webp({ lossless: true, effort: 6 }).toBuffer();
}

// As Grafana takes it: no more points than a panel wants or is wide, and none closer than its interval.
function stepOf({ gridPos, interval, maxDataPoints = (gridPos.w * WIDTH) / 24 }) {
  return Math.max(interval === '1m' ? 60 : SCRAPE, SCRAPE * Math.ceil(seconds / maxDataPoints / SCRAPE));
}

const ask = (target, values, step) => {
  const rateInterval = Math.max(step + SCRAPE, 4 * SCRAPE);
  const query = fill(target.expr, { ...values, __rate_interval: `${rateInterval}s` });
  return target.instant
    ? api('query', { query, time: end })
    : api('query_range', { query, start, end, step });
};

const bundle = (
  await build({
    entryPoints: [join(here, 'page.jsx')],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    // The modules for import take some of their dependencies in a way that only Node understands.
    plugins: [{
      name: 'required',
      setup: ({ onResolve }) => onResolve({ filter: /^@grafana\/(data|ui)$/ }, ({ path }) => ({ path: require.resolve(path) })),
    }],
    loader: { '.svg': 'dataurl', '.woff2': 'dataurl', '.css': 'empty' },
    logLevel: 'error',
  })
).outputFiles[0].text;

const file = (name) => readFileSync(fileURLToPath(import.meta.resolve(name)));
const style = file('uplot/dist/uPlot.min.css').toString();

const scratch = mkdtempSync(join(tmpdir(), 'droplens-screenshots-'));
// Where Grafana's styles look for the font in which it measures text: in another one, labels are cut off.
const fonts = join(scratch, 'public/fonts/inter');
mkdirSync(fonts, { recursive: true });
for (const weight of ['Regular', 'Medium']) {
  writeFileSync(join(fonts, `Inter-${weight}.woff2`), file('@fontsource-variable/inter/files/inter-latin-wght-normal.woff2'));
}
const browser = await chromium(join(scratch, 'profile'));
try {
  for (const name of dashboards) {
    const dashboard = JSON.parse(readFileSync(join(here, `../../grafana/droplens-${name}.json`)));
    const instance = name === 'node' ? wantedInstance : '.+';
    const values = { ...variables, instance };
    const panels = [];
    for (const panel of dashboard.panels) {
      const [results, step] = [[], stepOf(panel)];
      for (const target of panel.targets ?? []) {
        results.push({ target, result: await ask(target, values, step) });
      }
      panels.push({ panel: { ...panel, title: fill(panel.title, values) }, results, step });
    }
    const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
    const height = bottom * 38 + 60;
    for (const theme of themes) {
      const data = JSON.stringify({ panels, theme, start, end, title: dashboard.title });
      const page = join(scratch, `${name}-${theme}.html`);
      writeFileSync(
        page,
        `<!doctype html><meta charset="utf-8"><style>${style}</style><body style="margin:0"><div id="root"></div>` +
          `<script>window.DATA=${data.replaceAll('<', '\\u003c')}</script><script>${bundle.replaceAll('</script', '<\\/script')}</script>`,
      );
      const picture = await browser.picture(`file://${page}`, WIDTH, height);
      writeFileSync(join(output, `${name}-${theme}.${format}`), format === 'webp' ? await smaller(picture) : picture);
    }
    console.log(`${name}: ${panels.length} panels`);
  }
} finally {
  await browser.close();
  rmSync(scratch, { recursive: true });
}
