/** On a narrow screen: the controls that have no place beside the others. */
import { CircleQuestionMark, Ellipsis, Link, MonitorUp, Settings as Gear } from 'lucide-react'
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components'
import { useWords } from '../react/page'
import type { Media } from './media'

interface Props {
  media: Media
  onDialog: (dialog: 'settings' | 'keys') => void
  onInvite: () => void
}

export function More({ media, onDialog, onInvite }: Props) {
  const { room, inside } = useWords()
  return (
    <MenuTrigger>
      <Button className="tool" aria-label={inside.more} data-testid="more">
        <Ellipsis aria-hidden />
      </Button>
      <Popover className="popover" placement="top end">
        <Menu className="menu" aria-label={inside.more}>
          {media.canShare && (
            <MenuItem className="menu-item" onAction={media.toggleScreen} data-testid="share">
              <MonitorUp aria-hidden size={20} /> {media.screen ? room.unshare : room.share}
            </MenuItem>
          )}
          <MenuItem className="menu-item" onAction={onInvite} data-testid="invite">
            <Link aria-hidden size={20} /> {room.invite}
          </MenuItem>
          <MenuItem className="menu-item" onAction={() => onDialog('settings')} data-testid="settings-open">
            <Gear aria-hidden size={20} /> {room.settings}
          </MenuItem>
          <MenuItem className="menu-item" onAction={() => onDialog('keys')} data-testid="keys-open">
            <CircleQuestionMark aria-hidden size={20} /> {room.keys}
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  )
}
