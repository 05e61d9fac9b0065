// Reads Parquet files with hyparquet and prints their rows, one line of JSON for each file:
// {path, columns} or {path, error}. What JSON cannot say is said as text: see hyparquet.py.
//
// usage: node hyparquet.mjs < PATHS      (one a line; its packages: NODE_MODULES)
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(join(process.env.NODE_MODULES, 'x.js'))
const load = name => import(pathToFileURL(require.resolve(name)))
const { parquetMetadataAsync, parquetRead } = await load('hyparquet')
const { compressors } = await load('hyparquet-compressors')

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const same = v => v
const parsers = {
  timestampFromMilliseconds: same,
  timestampFromMicroseconds: same,
  timestampFromNanoseconds: same,
  dateFromDays: same,
  stringFromBytes: v => v && utf8.decode(v),
  jsonFromBytes: v => v && utf8.decode(v),
  uuidFromBytes: same,
}

function plain(v) {
  if (v === null || v === undefined) return null
  if (typeof v === 'bigint') return `n${v}`
  if (typeof v === 'string') return `s${v}`
  if (typeof v === 'number') {
    return Object.is(v, -0) ? '-0' : Number.isFinite(v) ? v : String(v)
  }
  if (v instanceof Uint8Array) return `x${Buffer.from(v).toString('hex')}`
  if (Array.isArray(v) || ArrayBuffer.isView(v)) return Array.from(v, plain)
  if (typeof v === 'object') {
    return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]))
  }
  return v
}

async function read(path) {
  const bytes = readFileSync(path)
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const file = { byteLength: buffer.byteLength, slice: (a, b) => buffer.slice(a, b) }
  const metadata = await parquetMetadataAsync(file)
  for (const element of metadata.schema) { // It would make decimals floating.
    if (element.converted_type === 'DECIMAL') delete element.converted_type
    if (element.logical_type?.type === 'DECIMAL') delete element.logical_type
  }
  const columns = {}
  for (const child of metadata.schema.length > 1 ? names(metadata) : []) columns[child] = []
  await parquetRead({
    file, metadata, compressors, parsers, utf8: false, rowFormat: 'object',
    onComplete: rows => {
      for (const row of rows) {
        for (const name of Object.keys(columns)) columns[name].push(plain(row[name]))
      }
    },
  })
  return columns
}

function names(metadata) {
  const made = []
  let at = 1
  const skip = () => {
    const element = metadata.schema[at++]
    for (let i = 0; i < (element.num_children ?? 0); i++) skip()
    return element.name
  }
  for (let i = 0; i < metadata.schema[0].num_children; i++) made.push(skip())
  return made
}

for (const path of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  try {
    console.log(JSON.stringify({ path, columns: await read(path) }))
  } catch (e) {
    console.log(JSON.stringify({ path, error: String(e) }))
  }
}
