// A dashboard drawn with the components of @grafana/ui. State timelines and heatmaps live in Grafana's core and
// not in that package: they are drawn here in a simple way.
import React from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import {
  applyFieldOverrides, createTheme, dateTime, FieldType, formattedValueToString, getValueFormat, getFieldDisplayValues,
  standardTransformers, standardTransformersRegistry,
  ThemeContext, toDataFrame, transformDataFrame, FieldConfigOptionsRegistry, VizOrientation,
} from '@grafana/data';
import {
  BarGauge, BigValue, BigValueColorMode, BigValueGraphMode, BigValueTextMode, GlobalStyles, PanelChrome, Table, TimeSeries,
  LegendDisplayMode, PortalContainer, VizRepeater,
} from '@grafana/ui';

const { panels, theme: mode, start, end, title } = window.DATA;
const theme = createTheme({ colors: { mode } });
const range = { from: dateTime(start * 1000), to: dateTime(end * 1000), raw: { from: 'now-15m', to: 'now' } };
const CELL = 38;
const WIDTH = 1600 / 24;

const transformers = new Map(Object.values(standardTransformers).filter((one) => one?.id).map((one) => [one.id, one]));
standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((one) => ({ id: one.id, name: one.id, transformation: async () => one, editor: () => null })));

const legend = (format, metric) =>
  format ? format.replace(/\{\{\s*\$?(\w+)\s*\}\}/g, (_, name) => metric[name] ?? '') : JSON.stringify(metric);
const number = (text) => (text === 'NaN' ? null : Number(text));

// One frame for each series, or one with a row for each where the panel is a table.
function frames({ panel, results }) {
  const several = results.length > 1;
  return results.flatMap(({ target, result }) => {
    if (target.format === 'table') {
      const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
      const value = several ? `Value #${target.refId}` : 'Value';
      return result.length === 0 ? [] : [toDataFrame({
        refId: target.refId,
        fields: [
          { name: 'Time', type: FieldType.time, values: result.map(({ value }) => value[0] * 1000) },
          ...labels.map((name) => ({ name, type: FieldType.string, values: result.map(({ metric }) => metric[name] ?? '') })),
          { name: value, type: FieldType.number, values: result.map(({ value }) => number(value[1])) },
        ],
      })];
    }
    return result.map(({ metric, values, value }) => {
      const points = values ?? [value];
      return toDataFrame({
        refId: target.refId,
        fields: [
          { name: 'Time', type: FieldType.time, config: {}, values: points.map(([time]) => time * 1000) },
          {
            name: 'Value', type: FieldType.number, labels: metric,
            config: { displayNameFromDS: legend(target.legendFormat, metric) },
            values: points.map(([, text]) => number(text)),
          },
        ],
      });
    });
  });
}

// What overrides may set: Grafana's own list is in its core.
const registry = new FieldConfigOptionsRegistry();
const option = (id, isCustom) => registry.register({
  id, path: id.replace('custom.', ''), name: id, isCustom, process: (value) => value, shouldApply: () => true, editor: () => null, override: () => null,
});
for (const id of ['unit', 'min', 'max', 'decimals', 'displayName', 'thresholds', 'mappings', 'links', 'noValue', 'color']) option(id, false);
for (const id of ['cellOptions', 'width', 'minWidth', 'align', 'filterable', 'lineWidth', 'fillOpacity', 'lineStyle', 'drawStyle', 'stacking', 'transform', 'axisPlacement', 'axisSoftMin', 'axisSoftMax', 'showPoints', 'scaleDistribution']) option(`custom.${id}`, true);

// Transformations answer later: each is loaded when it is first used.
async function transformed({ panel, results }) {
  const data = await new Promise((next, error) => {
    transformDataFrame(panel.transformations ?? [], frames({ panel, results })).subscribe({ next, error });
  });
  return applyFieldOverrides({
    data, fieldConfig: panel.fieldConfig, theme, timeZone: 'utc', replaceVariables: (text) => text, fieldConfigRegistry: registry,
  });
}

function Empty({ panel, width, height }) {
  const style = { width, height, display: 'flex', alignItems: 'center', justifyContent: 'center', textAlign: 'center', color: theme.colors.text.secondary };
  return <div style={style}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
}

function Numbers({ data, panel, width, height }) {
  const values = getFieldDisplayValues({
    fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables: (text) => text, theme, data, timeZone: 'utc',
  });
  const bar = panel.type === 'bargauge';
  return (
    <VizRepeater
      source={values} getValues={() => values} width={width} height={height} orientation={bar ? VizOrientation.Horizontal : VizOrientation.Auto}
      itemSpacing={8} renderCounter={0} minVizHeight={18} maxVizHeight={40}
      renderValue={({ value, width, height }) => bar
        ? <BarGauge value={value.display} width={width} height={height} theme={theme} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)}
            orientation={VizOrientation.Horizontal} displayMode={panel.options.displayMode} namePlacement={panel.options.namePlacement} itemSpacing={8} lcdCellWidth={12} valueDisplayMode="color" showUnfilled={false} text={{}} />
        : <BigValue value={value.display} width={width} height={height} theme={theme} colorMode={BigValueColorMode.Value} graphMode={BigValueGraphMode.None} textMode={values.length === 1 ? BigValueTextMode.Value : BigValueTextMode.Auto} />}
    />
  );
}

function Timeline({ data, step, width, height }) {
  const rows = data.map((frame) => frame.fields);
  const row = Math.min(26, height / rows.length);
  const left = width * 0.4;
  const x = (time) => left + ((time / 1000 - start) / (end - start)) * (width - left);
  return (
    <svg width={width} height={height} fontSize={Math.min(12, row * 0.8)} fontFamily={theme.typography.fontFamily}>
      {rows.map(([times, values], number) => (
        <g key={number} transform={`translate(0 ${number * row})`}>
          <text x={left - 6} y={row * 0.7} textAnchor="end" fill={theme.colors.text.primary}>{values.config.displayNameFromDS}</text>
          {times.values.map((time, at) => (
            <rect key={at} x={x(time)} y={1} width={x((start + step) * 1000) - left + 0.5} height={row - 2} fill={values.display(values.values[at]).color} />
          ))}
        </g>
      ))}
    </svg>
  );
}

// Prometheus's buckets contain the smaller ones; a cell shows what is between two bounds.
function Heatmap({ data, panel, step, width, height }) {
  const bound = (frame) => Number(frame.fields[1].labels.le.replace('+Inf', 'Infinity'));
  const rows = [...data].sort((a, b) => bound(a) - bound(b));
  const counts = rows.map((frame) => new Map(frame.fields[0].values.map((time, at) => [time, frame.fields[1].values[at]])));
  const inside = (row, time) => (counts[row].get(time) ?? 0) - (counts[row - 1]?.get(time) ?? 0);
  const times = [...new Set(rows.flatMap((frame) => frame.fields[0].values))];
  const most = Math.max(1e-9, ...rows.flatMap((_, row) => times.map((time) => inside(row, time))));
  const unit = getValueFormat(panel.options.yAxis.unit);
  const [left, bottom] = [64, 20];
  const [column, line] = [((width - left) * step) / (end - start), (height - bottom) / rows.length];
  const x = (time) => left + ((time / 1000 - start) / (end - start)) * (width - left);
  const ticks = [0.1, 0.5, 0.9].map((part) => start * 1000 + part * (end - start) * 1000);
  const text = { fill: theme.colors.text.primary, fontSize: 11, fontFamily: theme.typography.fontFamily };
  return (
    <svg width={width} height={height}>
      {rows.map((frame, row) => (
        <g key={row}>
          {row % Math.ceil(14 / line) === 0 && (
            <text {...text} x={left - 6} y={height - bottom - row * line - line / 2 + 4} textAnchor="end">
              {bound(frame) === Infinity ? 'more' : formattedValueToString(unit(bound(frame)))}
            </text>
          )}
          {times.filter((time) => x(time) - column >= left && inside(row, time) > 1e-9).map((time) => (
            <rect key={time} x={x(time) - column} y={height - bottom - (row + 1) * line} width={Math.max(column - 1, 1)} height={line - 1}
              fill={theme.visualization.getColorByName('orange')} opacity={0.15 + 0.85 * Math.sqrt(inside(row, time) / most)} />
          ))}
        </g>
      ))}
      {ticks.map((time) => (
        <text key={time} {...text} x={x(time)} y={height - 4} textAnchor="middle">{dateTime(time).utc().format('HH:mm:ss')}</text>
      ))}
    </svg>
  );
}

function Content({ entry, width, height }) {
  const { panel, data, step } = entry;
  if (data.length === 0 || data.every((frame) => frame.length === 0)) return <Empty {...{ panel, width, height }} />;
  switch (panel.type) {
    case 'stat': case 'bargauge': return <Numbers {...{ data, panel, width, height }} />;
    case 'state-timeline': return <Timeline {...{ data, step, width, height }} />;
    case 'heatmap': return <Heatmap {...{ data, panel, step, width, height }} />;
    case 'table': return <Table data={data[0]} initialSortBy={panel.options.sortBy} width={width} height={height} />;
    default: {
      const shown = panel.options.legend ?? {};
      return (
        <TimeSeries
          frames={data} structureRev={1} width={width} height={height} timeRange={range} timeZone="utc" options={{}}
          legend={{ displayMode: LegendDisplayMode.List, placement: 'bottom', calcs: [], showLegend: shown.showLegend ?? true }}
        />
      );
    }
  }
}

const failed = (error) => { document.documentElement.dataset.failed = error.stack; };

class Guard extends React.Component {
  state = {};
  static getDerivedStateFromError(error) { failed(error); return { error }; }
  render() { return this.state.error ? null : this.props.children; }
}

function Place({ entry }) {
  const { panel } = entry;
  const { x, y, w, h } = panel.gridPos;
  const style = { position: 'absolute', left: x * WIDTH + 4, top: 50 + y * CELL, width: w * WIDTH - 8, height: h * CELL - 8 };
  if (panel.type === 'row') return <h4 style={{ ...style, color: theme.colors.text.primary, lineHeight: '30px' }}>{panel.title}</h4>;
  return (
    <div style={style}>
      <PanelChrome title={panel.title} description={panel.description} width={style.width} height={style.height}>
        {(width, height) => <Guard><Content {...{ entry, width, height }} /></Guard>}
      </PanelChrome>
    </div>
  );
}

function Page() {
  return (
    <ThemeContext.Provider value={theme}>
      <div style={{ position: 'relative', background: theme.colors.background.canvas, width: 1600, height: '100vh', overflow: 'hidden' }}>
        <h3 style={{ padding: 10, color: theme.colors.text.primary }}>{title}</h3>
        {panels.map((entry) => <Place key={entry.panel.id} entry={entry} />)}
      </div>
      <PortalContainer />
    </ThemeContext.Provider>
  );
}

// Components measure themselves and draw again: it is drawn when nothing changed for a while.
function drawn() {
  const done = () => { document.documentElement.dataset.drawn = 'yes'; };
  let timer = setTimeout(done, 1000);
  new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, 1000); })
    .observe(document.body, { subtree: true, childList: true, attributes: true });
}

async function draw() {
  const styles = createRoot(document.head.appendChild(document.createElement('div')));
  flushSync(() => styles.render(<ThemeContext.Provider value={theme}><GlobalStyles /></ThemeContext.Provider>));
  const fonts = await Promise.all(['400', '500'].map((weight) => document.fonts.load(`${weight} 12px Inter`)));
  if (fonts.some(({ length }) => length === 0)) throw new Error('the font Inter is not there');
  const shown = panels.filter(({ panel }) => panel.type !== 'row');
  await Promise.all(shown.map(async (entry) => { entry.data = await transformed(entry); }));
  createRoot(document.getElementById('root')).render(<Page />);
  drawn();
}

draw().catch(failed);
