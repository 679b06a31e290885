import MTLEngine
