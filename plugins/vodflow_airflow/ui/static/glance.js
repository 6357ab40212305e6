// The item on Airflow's first page: how the videos stand. Airflow loads it and gives it its own React and Chakra.
'use strict';

(() => {
  const { createElement: h, useEffect, useState } = globalThis.React;
  const { Box, Heading, HStack, Link, Text } = globalThis.ChakraUI;
  const base = new URL('vodflow/', document.querySelector('head > base')?.href ?? document.baseURI);
  const page = (name) => new URL(`../plugin/vodflow-${name}`, base).href;
  const ITEMS = [
    ['running', 'running', 'videos', 'fg.info'],
    ['waiting', 'waiting', 'videos', 'fg.warning'],
    ['failed', 'failed today', 'failures', 'fg.error'],
    ['published', 'published today', 'videos', 'fg.success'],
  ];
  const EVERY = 10_000;

  const item = (numbers) => ([name, words, where, color]) => {
    const number = numbers?.[name];
    return h(Link, { key: name, href: page(where), variant: 'plain', alignItems: 'baseline', gap: 2 },
      h(Text, { as: 'span', fontSize: '2xl', fontWeight: 'bold', color: number ? color : 'fg.muted' }, number ?? '–'),
      h(Text, { as: 'span' }, words));
  };

  globalThis.VodflowGlance = function VodflowGlance() {
    const [numbers, setNumbers] = useState(null);
    const [trouble, setTrouble] = useState(false);
    useEffect(() => {
      const stop = new AbortController();
      const ask = async () => {
        if (document.hidden) return;
        try {
          const answer = await fetch(new URL('glance', base), { signal: stop.signal });
          setTrouble(!answer.ok);
          if (answer.ok) setNumbers(await answer.json());
        } catch { if (!stop.signal.aborted) setTrouble(true); }
      };
      ask();
      const timer = setInterval(ask, EVERY);
      document.addEventListener('visibilitychange', ask);
      return () => {
        stop.abort();
        clearInterval(timer);
        document.removeEventListener('visibilitychange', ask);
      };
    }, []);
    return h(Box, { as: 'section', 'aria-labelledby': 'vodflow-glance', my: 4 },
      h(Heading, { id: 'vodflow-glance', size: 'md', mb: 1 }, 'Videos'),
      h(HStack, { gap: 8, flexWrap: 'wrap' }, ITEMS.map(item(numbers)),
        trouble && h(Text, { color: 'fg.muted', role: 'status' }, 'The catalog does not answer.')));
  };
})();
