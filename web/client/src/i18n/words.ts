/** What the pages say, by the messages in `en.json`; `npm run words` writes this file. */
export interface Words {
  /** The language: the name of its file. */
  tag: string
  product: string
  close: string
  copy: string
  copied: string
  retry: string
  loading: string
  search: string
  nothingFound: string
  you: string
  landing: {
    title: string
    lead: string
    tryText: string
    tryButton: string
    makeHead: string
    makeText: string
    roomTitle: string
    terms: string
    termsText: string
    secret: string
    make: string
    made: string
    open: string
    joinHead: string
    joinText: string
    joinLabel: string
    join: string
    joinBad: string
    keptHead: string
    keptText: string
    keepText: string
    addHead: string
    addText: string
    addMore: string
  }
  prejoin: {
    preview: string
    microphone: string
    camera: string
    turnOnMicrophone: string
    turnOffMicrophone: string
    turnOnCamera: string
    turnOffCamera: string
    level: string
    levelHint: string
    name: string
    speak: string
    read: string
    hear: string
    join: string
    joinListening: string
    joining: string
    orTry: string
    tryTalk: string
    people: (values: { count: number }) => string
    peopleOf: (values: { count: number; limit: string | number }) => string
    listenNote: string
  }
  kept: {
    nothing: string
    nothingShort: string
    says: {
      source: (values: { time: string | number }) => string
      translation: (values: { time: string | number }) => string
      both: (values: { time: string | number }) => string
      redacted: (values: { time: string | number }) => string
    }
    short: (values: { time: string | number }) => string
    days: (values: { days: number }) => string
    afterEnd: (values: { days: number }) => string
    forever: string
    masked: string
    policy: (values: { name: string | number }) => string
    what: string
    moreNothing: string
    moreKept: string
    gaps: string
  }
  language: {
    auto: string
    autoHint: string
    same_hear: string
    same_read: string
    same: (values: { language: string | number }) => string
    off: string
    original: string
    grade: {
      good: string
      fair: string
      rough: string
      poor: string
      unmeasured: string
    }
    onlySpoken: string
    reason: {
      speak: string
      read: string
      hear: string
    }
    figures: string
    showFigures: string
    hideFigures: string
    wer: (values: { share: string | number }) => string
    chrf: (values: { score: string | number }) => string
    from: (values: { initial: string | number; tag: string | number; language: string | number }) => string
    by: (values: { route: string | number }) => string
    noFigure: string
    upTo: (values: { share: string | number; word: string | number }) => string
    atLeast: (values: { score: string | number; word: string | number }) => string
    otherwise: (values: { word: string | number }) => string
    explain: {
      speak: string
      read: string
      hear: string
    }
  }
  errors: {
    room_not_found: string
    link_invalid: string
    secret_missing: string
    room_full: string
    bad_name: string
    bad_title: string
    bad_glossary: string
    unknown_language: string
    unknown_policy: string
    host_secret_wrong: string
    not_allowed: string
    too_many_requests: string
    sfu_away: string
    database_away: string
    vault_away: string
    server_away: string
    bad_answer: string
    connect_failed: string
    token_refused: string
    unsupported: string
    page_broken: string
    other: (values: { code: string | number }) => string
  }
  devices: {
    denied: string
    missing: string
    busy: string
    insecure: string
    failed: string
    unnamed: (values: { number: string | number }) => string
  }
  state: {
    connecting: string
    reconnecting: string
    left: string
    unreadable: string
    absent: string
    no_worker_free: string
    bringing_back: string
    starting: string
    captions_only: string
    skipping: string
    engines_away: string
    encrypted: string
    degraded: string
    nothing_wanted: string
    no_voice: (values: { language: string | number }) => string
    no_captions: (values: { language: string | number }) => string
    untranslated: (values: { initial: string | number; tag: string | number; from: string | number; language: string | number }) => string
    too_many_languages: (values: { language: string | number }) => string
    interpreting: string
    behind: (values: { seconds: string | number }) => string
    skipped: string
    details: string
  }
  details: {
    title: string
    recognise: string
    direct: string
    translate: string
    speak: string
    direct_whisper: string
    noncommercial: string
    leaves: (values: { host: string | number }) => string
    engines: {
      whisper: string
      bergamot: string
      apertium: string
      firefox: string
      opus: string
      madlad: string
      nllb: string
      'espeak-ng': string
      piper: string
      'coqui-vits': string
      'coqui-xtts': string
    }
    delays: string
    seconds: (values: { seconds: string | number }) => string
    routes: string
    kept: string
    spoken: string
    noEngine: string
    licence: (values: { names: string | number }) => string
    dropped: (values: { count: number }) => string
  }
  room: {
    mute: string
    unmute: string
    cameraOn: string
    cameraOff: string
    share: string
    unshare: string
    captions: string
    transcript: string
    settings: string
    keys: string
    leave: string
    hear: string
    read: string
    invite: string
    sound: string
    grid: string
    controls: string
    screenOf: (values: { name: string | number }) => string
    muted: string
    unheard: string
    synthetic: string
    foundOut: (values: { language: string | number }) => string
    correct: (values: { name: string | number }) => string
    corrected: (values: { name: string | number; language: string | number }) => string
    notCorrected: string
    original: string
    voice: (values: { letter: string | number }) => string
    someone: string
    alone: string
    newest: string
  }
  transcript: {
    title: string
    empty: string
    noLine: string
    languages: string
    noOthers: string
    copyAll: string
    skipped: string
    lines: (values: { count: number }) => string
  }
  settings: {
    title: string
    captions: string
    size: string
    position: string
    bottom: string
    top: string
    backdrop: string
    second: string
    none: string
    originalWords: string
    sound: string
    under: string
    cleaned: string
    voice: string
    lend: string
    lendText: string
    devices: string
    output: string
    page: string
    theme: string
    auto: string
    light: string
    dark: string
    interface: string
    sample: string
  }
  keys: {
    title: string
    mute: string
    captions: string
    language: string
    transcript: string
    help: string
  }
  talk: {
    name: string
    guest: string
    joining: string
    waiting: string
    playing: string
    ended: string
    stopped: string
    failed: string
    stop: string
    replay: string
    source: string
  }
  unknown: {
    title: string
    text: string
  }
  left: {
    left: string
    removed: string
    closed: string
    elsewhere: string
    lost: string
    again: string
    home: string
  }
  inside: {
    speak: string
    languages: string
    more: string
    soundsLike: (values: { language: string | number }) => string
    switch: string
    no: string
    suggested: (values: { name: string | number; language: string | number }) => string
    suggest: (values: { name: string | number }) => string
    spoken: (values: { language: string | number }) => string
    shortcuts: string
    shortcutsOff: string
    device: {
      denied: string
      missing: string
      busy: string
      insecure: string
      failed: string
      ended: string
    }
  }
  trial: {
    notHere: string
    full: string
    failed: string
  }
}
