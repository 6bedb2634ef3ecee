/** What is logged: lines in general, and the content of messages where it is asked for. */
import { z } from 'zod';
import { file, moment, option } from './values.ts';

const messages = z.enum(['none', 'tags', 'values']);

/** `log` of one listener or one route. */
export const messageLog = option(
  z
    .strictObject({
      messages: option(
        messages.exactOptional(),
        'Messages',
        'What is written of data sets: none, tags (names of the attributes) or values (patient data, see `log.values`). ' +
          'A route overrides its listener, a listener the general setting.',
      ),
    })
    .prefault({}),
  'Log',
  'Message logging here.',
);

const values = z.strictObject({
  file: option(file, 'File', 'Whole data sets are appended here as JSON lines, readable by the owner only.'),
  expires: option(moment, 'Expires', 'Nothing is written from this moment on.'),
});

export const log = z.strictObject({
  level: option(z.enum(['error', 'warn', 'info', 'debug']).default('info'), 'Level', 'The least grave lines written.'),
  messages: option(
    messages.default('none'),
    'Messages',
    'What is written of data sets where listener and route say nothing: none, tags or values.',
  ),
  values: option(
    values.exactOptional(),
    'Values',
    'Where and until when data sets are written where `messages` is values. These are patient data: a file of its own.',
  ),
});
