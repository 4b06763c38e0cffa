declare module '@livekit/components-styles/components'
