// Renders the dashboards as they are in grafana/*.json, with data from a running Prometheus.
//
//   sudo make demo                       (in another terminal; wait some minutes)
//   cd docs/screenshots && npm install --ignore-scripts
//   node render.mjs http://localhost:29090 /tmp/images lab-server 15
//
// Not run by CI: it fetches half a gigabyte of packages, for looking only.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const [server, output, wantedInstance = '.+', minutes = '15'] = process.argv.slice(2);
if (!server || !output) {
  console.error('usage: node render.mjs PROMETHEUS_URL DIRECTORY [INSTANCE [MINUTES]]');
  process.exit(2);
}
const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const dashboards = (process.env.DASHBOARDS ?? 'fleet node probes agent').split(' ');
const themes = (process.env.THEMES ?? 'dark light').split(' ');
const seconds = 60 * Number(minutes);
const end = Math.floor(Date.now() / 1000);
const start = end - seconds;
const step = 5;

// The scrape interval of the demo is 5 s.
const variables = {
  job: '.+', probe: '.+', target: '.+', label: 'layer',
  __rate_interval: '20s', __range: `${seconds}s`, __from: String(start * 1000),
};

const fill = (text, values) =>
  text.replace(/\$\{?(\w+)\}?/g, (all, name) => values[name] ?? all);

async function api(path, parameters) {
  const answer = await fetch(`${server}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.json();
  if (body.status !== 'success') throw new Error(`${path}: ${JSON.stringify(body)}`);
  return body.data.result;
}

const ask = (target, values) => {
  const query = fill(target.expr, values);
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

const style = readFileSync(fileURLToPath(import.meta.resolve('uplot/dist/uPlot.min.css')), 'utf8');

const scratch = mkdtempSync(join(tmpdir(), 'droplens-screenshots-'));
try {
  for (const name of dashboards) {
    const dashboard = JSON.parse(readFileSync(join(here, `../../grafana/droplens-${name}.json`)));
    const instance = name === 'node' ? wantedInstance : '.+';
    const values = { ...variables, instance };
    const panels = [];
    for (const panel of dashboard.panels) {
      const results = [];
      for (const target of panel.targets ?? []) {
        results.push({ target, result: await ask(target, values) });
      }
      panels.push({ panel: { ...panel, title: fill(panel.title, values) }, results });
    }
    const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
    const height = bottom * 38 + 60;
    for (const theme of themes) {
      const data = JSON.stringify({ panels, theme, start, end, step, title: dashboard.title });
      const page = join(scratch, `${name}-${theme}.html`);
      writeFileSync(
        page,
        `<!doctype html><meta charset="utf-8"><style>${style}</style><body style="margin:0"><div id="root"></div>` +
          `<script>window.DATA=${data.replaceAll('<', '\\u003c')}</script><script>${bundle.replaceAll('</script', '<\\/script')}</script>`,
      );
      execFileSync('chromium', [
        '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
        '--virtual-time-budget=15000', `--window-size=1600,${height}`,
        `--screenshot=${join(output, `dashboard-${name}-${theme}.png`)}`, `file://${page}`,
      ], { stdio: 'ignore' });
    }
    console.log(`${name}: ${panels.length} panels`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}
